"""Changes of state around second factors. Each is one function; who acts is `by`, the moment `at`.

A change that adds the first second factor, replaces one or removes the last one ends all sign-ins of that admin, and so do
new recovery codes. Each locks the admin's row: of two first factors that are added at once, only one is the first. Each raises
SignInEnded if the acting admin was changed since the request was authenticated.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.errors import NameTaken, SecurityKeyRefused
from accounts.events import AdminAction, record_admin_event
from accounts.models import Admin, RecoveryCode, SecurityKey, TotpDevice
from accounts.services import end_all_sign_ins, lock_admin, revoke_all_personal_tokens
from accounts.two_factor import codes
from accounts.two_factor.encryption import digests, encrypt
from accounts.two_factor.security_keys import NewCredential
from audit.actors import Actor
from audit.services import Changes
from common.instants import format_instant

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class AddedFactor:
    """`recovery_codes` can be shown only now; None if the admin had codes before."""

    admin: Admin
    recovery_codes: list[str] | None


@transaction.atomic
def add_totp(admin_id: int, secret: str, *, code: str, by: Actor, at: datetime) -> AddedFactor | None:
    """Add an authenticator app, or replace the one before; None if the code does not belong to the secret."""
    step = codes.matching_step(secret, code.replace(" ", ""), at=at)
    if step is None:
        return None
    admin = lock_admin(admin_id, by=by)
    had_factor, had_app = admin.has_second_factor(), TotpDevice.objects.filter(admin=admin).exists()
    values = {
        "encrypted_secret": encrypt(secret, owner=admin_id),
        "last_step": step,
        "created_at": at,
        "last_used_at": at,
    }
    TotpDevice.objects.update_or_create(admin=admin, defaults=values)
    added = finish_adding(admin, is_first=not had_factor, at=at)
    if had_app:
        sign_out_everywhere(admin, at=at)
    changes: Changes = {"authenticator_app": ("another app" if had_app else None, "added")}
    record_admin_event(AdminAction.AUTHENTICATOR_APP_ADDED, admin, by=by, at=at, changes=changes)
    log.info("%s added an authenticator app", admin.username)
    return added


@transaction.atomic
def add_security_key(
    admin_id: int, name: str, credential: NewCredential, *, host: str, by: Actor, at: datetime
) -> AddedFactor:
    """Raises NameTaken, and SecurityKeyRefused for a key that is registered already."""
    admin = lock_admin(admin_id, by=by)
    had_factor = admin.has_second_factor()
    if SecurityKey.objects.filter(admin=admin, name=name).exists():
        raise NameTaken
    try:
        with transaction.atomic():
            SecurityKey.objects.create(
                admin=admin,
                name=name,
                host=host,
                credential_id=credential.credential_id,
                credential=credential.credential,
                sign_count=credential.sign_count,
                created_at=at,
            )
    except IntegrityError as error:
        raise SecurityKeyRefused("This security key is registered already.") from error
    added = finish_adding(admin, is_first=not had_factor, at=at)
    changes: Changes = {"security_key": (None, name)}
    record_admin_event(AdminAction.SECURITY_KEY_ADDED, admin, by=by, at=at, changes=changes)
    log.info("%s added a security key", admin.username)
    return added


def finish_adding(admin: Admin, *, is_first: bool, at: datetime) -> AddedFactor:
    if not is_first:
        return AddedFactor(admin, None)
    admin.enrol_until = None
    admin.save(update_fields=["enrol_until"])
    sign_out_everywhere(admin, at=at)
    return AddedFactor(admin, replace_recovery_codes(admin, at=at))


@transaction.atomic
def remove_totp(admin_id: int, *, by: Actor, at: datetime) -> Admin:
    """Removing what is not there changes nothing."""
    admin = lock_admin(admin_id, by=by)
    deleted, _ = TotpDevice.objects.filter(admin=admin).delete()
    if deleted:
        finish_removing(admin, at=at)
        changes: Changes = {"authenticator_app": ("added", None)}
        record_admin_event(AdminAction.AUTHENTICATOR_APP_REMOVED, admin, by=by, at=at, changes=changes)
        log.info("%s removed the authenticator app", admin.username)
    return admin


@transaction.atomic
def remove_security_key(admin_id: int, key_id: int, *, by: Actor, at: datetime) -> Admin:
    """Removing what is not there changes nothing."""
    admin = lock_admin(admin_id, by=by)
    key = SecurityKey.objects.filter(admin=admin, pk=key_id).first()
    if key is not None:
        key.delete()
        finish_removing(admin, at=at)
        changes: Changes = {"security_key": (key.name, None)}
        record_admin_event(AdminAction.SECURITY_KEY_REMOVED, admin, by=by, at=at, changes=changes)
        log.info("%s removed a security key", admin.username)
    return admin


def finish_removing(admin: Admin, *, at: datetime) -> None:
    """Without a second factor recovery codes have no use either."""
    if not admin.has_second_factor():
        RecoveryCode.objects.filter(admin=admin).delete()
        sign_out_everywhere(admin, at=at)


@transaction.atomic
def renew_recovery_codes(admin_id: int, *, by: Actor, at: datetime) -> AddedFactor:
    """Ten new codes, which can be shown only now; the former ones stop working."""
    admin = lock_admin(admin_id, by=by)
    left = RecoveryCode.objects.filter(admin=admin, used_at=None).count()
    new = replace_recovery_codes(admin, at=at)
    sign_out_everywhere(admin, at=at)
    changes: Changes = {"recovery_codes_left": (left, len(new))}
    record_admin_event(AdminAction.RECOVERY_CODES_RENEWED, admin, by=by, at=at, changes=changes)
    log.info("%s renewed the recovery codes", admin.username)
    return AddedFactor(admin, new)


@transaction.atomic
def reset_two_factor(admin_id: int, *, by: Actor, at: datetime) -> bool:
    """Remove all second factors of an admin who lost them, and sign them out everywhere; whether there was one.

    From then on the password alone signs them in; where a second factor is required they set up a new one first, within
    HAND_OVER_WITHIN. For an admin who has none yet it renews that time. Their personal access tokens end.
    """
    admin = lock_admin(admin_id, by=by)
    had_factor = admin.has_second_factor()
    if had_factor or admin.enrol_until is not None:
        admin.enrol_until = at + settings.HAND_OVER_WITHIN
        admin.save(update_fields=["enrol_until"])
    for table in (TotpDevice, SecurityKey, RecoveryCode):
        table.objects.filter(admin=admin).delete()
    sign_out_everywhere(admin, at=at)
    changes: Changes = {"second_factor": (had_factor, False), **revoke_all_personal_tokens(admin, at=at)}
    if admin.enrol_until is not None:
        changes = {**changes, "enrol_until_at": (None, format_instant(admin.enrol_until))}
    record_admin_event(AdminAction.SECOND_FACTORS_RESET, admin, by=by, at=at, changes=changes)
    log.warning("the second factors of %s were reset", admin.username)
    return had_factor


def sign_out_everywhere(admin: Admin, *, at: datetime) -> None:
    admin.token_generation += 1
    admin.save(update_fields=["token_generation"])
    end_all_sign_ins(admin, at=at)


def replace_recovery_codes(admin: Admin, *, at: datetime) -> list[str]:
    new = codes.new_recovery_codes()
    RecoveryCode.objects.filter(admin=admin).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(admin=admin, digest=digests(code.replace("-", ""), owner=admin.pk)[0], created_at=at)
        for code in new
    )
    return new
