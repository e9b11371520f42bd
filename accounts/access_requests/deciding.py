"""Approving and rejecting requests for access. Each request is decided once."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.access_requests.notices import mail_decision
from accounts.errors import AccessRequestNotFound, AlreadyDecided, UsernameTaken
from accounts.events import AccessRequestAction, AdminAction, access_request_subject, record_admin_event
from accounts.google.identity import GoogleIdentity
from accounts.google.services import add_google_account
from accounts.models import AccessRequest, Admin
from accounts.required_steps import needs_second_factor
from accounts.services import lock_acting_admin, refuse_role_above_own
from audit.actors import Actor
from audit.services import record_event

State = AccessRequest.State
OVERTAKEN = "Another request for this address was approved."


@transaction.atomic
def approve_request(request_id: uuid.UUID, *, role: str, by: Actor, at: datetime) -> AccessRequest:
    """Make the person an admin, whose user name is the e-mail address. The same decision again changes nothing.

    The others that wait for the address are rejected: its name is taken from then on. A role that needs a second factor must
    have one within HAND_OVER_WITHIN. Raises AccessRequestNotFound, AlreadyDecided, RoleAboveOwn, SignInEnded,
    GoogleAccountTaken, and UsernameTaken: an admin who is there already is never changed, whatever the addresses.
    """
    lock_acting_admin(by)
    refuse_role_above_own(role, by=by)
    request, others = locked_requests(request_id)
    if (request.state, request.role) == (State.APPROVED, role):
        return request
    if not request.is_waiting:
        raise AlreadyDecided
    admin = create_admin_of(request, role=role, at=at)
    changes: dict[str, tuple[Any, Any]] = {
        **admin.initial_values(),
        "signs_in_with": (None, "a Google account" if request.google_subject else "a password of their own"),
        "access_request": (None, str(request.pk)),
    }
    if request.google_subject:
        identity = GoogleIdentity(request.google_subject, request.email, request.name)
        add_google_account(admin, identity, at=at)
        changes["google_account"] = (None, request.email)
    record_admin_event(AdminAction.CREATED, admin, by=by, at=at, changes=changes)
    request.role = role
    decide(request, State.APPROVED, by=by, at=at)
    for other in others:
        reject(other, note=OVERTAKEN, by=by, at=at)
    mail_decision(request, others=len(others))
    return request


@transaction.atomic
def reject_request(request_id: uuid.UUID, *, note: str = "", by: Actor, at: datetime) -> AccessRequest:
    """The person is told the note, and may ask again after a day. The same decision again changes nothing.

    Raises AccessRequestNotFound, AlreadyDecided and SignInEnded.
    """
    lock_acting_admin(by)
    request: AccessRequest | None = AccessRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise AccessRequestNotFound
    if request.state == State.REJECTED:
        return request
    if not request.is_waiting:
        raise AlreadyDecided
    reject(request, note=note, by=by, at=at)
    mail_decision(request)
    return request


def reject(request: AccessRequest, *, note: str, by: Actor, at: datetime) -> None:
    request.note = note
    record_event(AccessRequestAction.REJECTED, subject=access_request_subject(request.pk), by=by, at=at)
    decide(request, State.REJECTED, by=by, at=at)


def locked_requests(request_id: uuid.UUID) -> tuple[AccessRequest, list[AccessRequest]]:
    """The request, and the others that wait for its address.

    They are locked in the order of their ids: two approvals for one address do not wait for each other.
    """
    of_address = AccessRequest.objects.filter(pk=request_id).values("email")
    meant = Q(pk=request_id) | Q(state=State.WAITING, email__in=of_address)
    found = list(AccessRequest.objects.select_for_update().filter(meant).order_by("pk"))
    request = next((each for each in found if each.pk == request_id), None)
    if request is None:
        raise AccessRequestNotFound
    return request, [each for each in found if each.pk != request_id]


def create_admin_of(request: AccessRequest, *, role: str, at: datetime) -> Admin:
    admin = Admin(username=request.email, email=request.email, role=role, created_at=at)
    admin.password = request.password or make_password(None)
    if needs_second_factor(admin):
        admin.enrol_until = at + settings.HAND_OVER_WITHIN
    try:
        with transaction.atomic():
            admin.save(force_insert=True)
    except IntegrityError as error:
        if Admin.objects.filter(username__iexact=request.email).exists():
            raise UsernameTaken from error
        raise
    return admin


def decide(request: AccessRequest, state: str, *, by: Actor, at: datetime) -> None:
    request.state, request.decided_at, request.password = state, at, ""
    request.decided_by_id = by.admin.pk if by.admin else None
    fields = ["state", "decided_at", "decided_by", "password", "role", "note"]
    request.save(update_fields=fields)
