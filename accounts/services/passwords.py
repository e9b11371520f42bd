"""Changing, resetting and checking passwords."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.events import AdminAction, record_admin_event
from accounts.login_guard import LoginGuard
from accounts.models import Admin, PasswordLink
from accounts.services.admins import keep_one_sysadmin
from accounts.services.google_accounts import unlink_at_reset
from accounts.services.locks import lock_admin, refuse_if_changed
from accounts.services.sign_ins import end_all_sign_ins, revoke_all_personal_tokens
from audit.actors import Actor
from audit.services import Changes


def change_own_password(admin: Admin, password: str, *, by: Actor, at: datetime) -> Admin:
    """Set the password that the admin chose, and end all their sign-ins, but not their personal access tokens.

    `admin` is as read when the present password was checked. Raises SignInEnded if it is not as it was then, and Busy.
    """
    encoded = make_password(password)  # before the transaction, because it may wait
    with transaction.atomic():
        locked = lock_admin(admin.pk, by=by)
        refuse_if_changed(admin, locked)
        locked.password, locked.must_change_password, locked.wrong_codes = encoded, False, 0
        locked.save(update_fields=["password", "must_change_password", "wrong_codes"])
        end_all_sign_ins(locked, at=at)
        record_admin_event(AdminAction.PASSWORD_CHANGED, locked, by=by, at=at)
    return locked


def reset_password(admin_id: int, password: str | None, *, by: Actor, at: datetime, must_change: bool = True) -> Admin:
    """Set another admin's password, and end all their sign-ins and personal access tokens; None leaves them without one.

    A Google account is unlinked: another person may have the admin's account from now on. With `must_change` they choose
    another password at the next sign-in. Raises LastSysadmin, SignInEnded and Busy.
    """
    encoded = make_password(password)  # before the transaction, because it may wait
    with transaction.atomic():
        with keep_one_sysadmin(admin_id, by=by, at=at) as admin:
            had_password = admin.has_usable_password()
            admin.password = encoded
        admin.must_change_password, admin.wrong_codes = must_change, 0
        admin.save(update_fields=["password", "must_change_password", "wrong_codes"])
        PasswordLink.objects.filter(admin=admin).delete()
        end_all_sign_ins(admin, at=at)
        revoked = {**unlink_at_reset(admin), **revoke_all_personal_tokens(admin, at=at)}
        changes: Changes = {"has_password": (had_password, password is not None), **revoked}
        record_admin_event(AdminAction.PASSWORD_RESET, admin, by=by, at=at, changes=changes)
    return admin


def check_password(admin: Admin, password: str, *, address: str | None) -> bool:
    """Check the password of an admin who is signed in. Failures are counted as at the sign-in. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address)
    guard.refuse_if_exhausted()
    if not admin.check_password(password):
        guard.count_failure()
        return False
    guard.refuse_if_exhausted()
    return True
