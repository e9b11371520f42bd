"""Enrolment codes: make one, use one, revoke one."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from audit.actors import Actor
from audit.services import record_event
from common.instants import format_instant
from common.keys import key_hint
from fleet.devices.codes import code_digest, code_digests, generate_code
from fleet.devices.errors import EnrolmentCodeExists, InvalidEnrolmentCode
from fleet.devices.events import EnrolmentAction
from fleet.devices.limits import DEFAULT_CODE_HOURS, DEFAULT_CODE_USES
from fleet.devices.models import EnrolmentCode
from fleet.devices.validation import checked
from sites.errors import SiteNotFound
from sites.events import site_subject
from sites.models import Site


@dataclass(frozen=True)
class NewCode:
    """A new enrolment code, which cannot be read anywhere else or later."""

    code: str = field(repr=False)
    row: EnrolmentCode


@transaction.atomic
def create_enrolment_code(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    uses: int = DEFAULT_CODE_USES,
    expires_in_hours: int = DEFAULT_CODE_HOURS,
    code_id: uuid.UUID | None = None,
) -> NewCode:
    """With a `code_id` of the caller's, a request that is sent twice makes one code.

    Raises InvalidInput, SiteNotFound, EnrolmentCodeExists.
    """
    checked({"uses": uses, "expires_in_hours": expires_in_hours})
    site = Site.objects.live().select_for_update(no_key=True).filter(pk=site_id).first()
    if site is None:
        raise SiteNotFound
    if code_id is not None and EnrolmentCode.objects.filter(pk=code_id).exists():
        raise EnrolmentCodeExists
    code = generate_code()
    row = EnrolmentCode.objects.create(
        id=code_id or uuid.uuid4(),
        site=site,
        digest=code_digest(code),
        hint=key_hint(code),
        uses=uses,
        created_at=at,
        created_by_id=by.admin.pk if by.admin else None,
        expires_at=at + timedelta(hours=expires_in_hours),
    )
    changes = {"uses": (None, uses), "expires_at": (None, format_instant(row.expires_at)), "hint": (None, row.hint)}
    record_event(EnrolmentAction.CODE_CREATED, subject=site_subject(site.pk, site.name), by=by, at=at, changes=changes)
    return NewCode(code, row)


@transaction.atomic
def revoke_enrolment_code(code_id: uuid.UUID, *, by: Actor, at: datetime) -> None:
    """A code that cannot be used any more stays as it is. Raises InvalidEnrolmentCode if there is none of this id."""
    row = EnrolmentCode.objects.select_for_update().select_related("site").filter(pk=code_id).first()
    if row is None:
        raise InvalidEnrolmentCode
    if not EnrolmentCode.objects.usable(at=at).filter(pk=code_id).update(revoked_at=at):
        return
    subject = site_subject(row.site.pk, row.site.name)
    record_event(EnrolmentAction.CODE_REVOKED, subject=subject, by=by, at=at, changes={"hint": (row.hint, None)})


def use_enrolment_code(code: str, *, at: datetime) -> uuid.UUID:
    """Use the code once, in the caller's transaction: if that is rolled back, nothing is used up. Returns its location.

    Raises InvalidEnrolmentCode.
    """
    # Locked before it is looked at: of two at the same moment, one gets the last use.
    row = EnrolmentCode.objects.select_for_update().filter(digest__in=code_digests(code)).first()
    if row is None or not EnrolmentCode.objects.usable(at=at).filter(pk=row.pk).exists():
        raise InvalidEnrolmentCode
    EnrolmentCode.objects.filter(pk=row.pk).update(used=F("used") + 1)
    return row.site_id
