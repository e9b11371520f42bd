"""Links that set a password once. A sysadmin hands them over, so that nobody knows another person's password."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.urls import reverse

from accounts.errors import PasswordLinkExpired, PasswordLinkUnknown, PasswordLinkUsed
from accounts.events import AdminAction, record_admin_event
from accounts.models import Admin, PasswordLink
from accounts.required_steps import needs_second_factor
from accounts.services.admins import keep_one_sysadmin, refuse_role_above_own
from accounts.services.google_accounts import unlink_at_reset
from accounts.services.locks import lock_acting_admin
from accounts.services.sign_ins import end_all_sign_ins, revoke_all_personal_tokens
from audit.actors import Actor
from audit.services import Changes
from common.instants import format_instant

# Logs leave out what begins like this; see common/logs.py.
PREFIX = "ppl_"


@dataclass(frozen=True)
class NewPasswordLink:
    """`token` can be shown only now: the table holds its digest."""

    admin: Admin
    expires_at: datetime
    token: str = field(repr=False)


@transaction.atomic
def invite_admin(username: str, *, email: str, role: str, by: Actor, at: datetime) -> NewPasswordLink:
    """A new admin, who cannot sign in until they have set a password by the link. Raises RoleAboveOwn and SignInEnded."""
    lock_acting_admin(by)
    refuse_role_above_own(role, by=by)
    admin = Admin.objects.create_user(username, email, role=role, created_at=at)
    link = make_link(admin, at=at)
    changes = {**admin.initial_values(), "link_expires_at": (None, format_instant(link.expires_at))}
    record_admin_event(AdminAction.CREATED, admin, by=by, at=at, changes=changes)
    return link


@transaction.atomic
def reset_password_by_link(admin_id: int, *, by: Actor, at: datetime) -> NewPasswordLink:
    """Take an admin's password and Google account, end all their sign-ins and tokens, and make a link for another password.

    Raises LastSysadmin and SignInEnded.
    """
    with keep_one_sysadmin(admin_id, by=by, at=at) as admin:
        had_password = admin.has_usable_password()
        admin.set_unusable_password()
    admin.must_change_password, admin.wrong_codes = False, 0
    admin.save(update_fields=["password", "must_change_password", "wrong_codes"])
    end_all_sign_ins(admin, at=at)
    link = make_link(admin, at=at)
    changes: Changes = {
        "has_password": (had_password, False),
        "link_expires_at": (None, format_instant(link.expires_at)),
        **unlink_at_reset(admin),
        **revoke_all_personal_tokens(admin, at=at),
    }
    record_admin_event(AdminAction.PASSWORD_RESET, admin, by=by, at=at, changes=changes)
    return link


def make_link(admin: Admin, *, at: datetime) -> NewPasswordLink:
    """In place of the admin's earlier link, which ends."""
    token, expires_at = PREFIX + secrets.token_urlsafe(32), at + settings.HAND_OVER_WITHIN
    values = {"digest": digest_of(token), "created_at": at, "expires_at": expires_at, "used_at": None}
    PasswordLink.objects.update_or_create(admin=admin, defaults=values)
    return NewPasswordLink(admin, expires_at, token)


def find_password_link(token: str, *, at: datetime) -> PasswordLink:
    """Raises PasswordLinkUnknown, PasswordLinkUsed and PasswordLinkExpired."""
    links = PasswordLink.objects.select_related("admin")
    link = links.filter(digest=digest_of(token), admin__is_active=True).first()
    if link is None:
        raise PasswordLinkUnknown
    if link.used_at is not None:
        raise PasswordLinkUsed
    if link.expires_at <= at:
        raise PasswordLinkExpired
    return link


def set_password_by_link(token: str, password: str, *, by: Actor, at: datetime) -> Admin:
    """Set the password that the person chose, and use up the link. Raises as `find_password_link` does, and Busy.

    If the admin needs a second factor and has none, it must be set up within HAND_OVER_WITHIN.
    """
    encoded = make_password(password)  # before the transaction, because it may wait
    with transaction.atomic():
        admin = Admin.objects.select_for_update(no_key=True).get(pk=find_password_link(token, at=at).admin_id)
        # Again, now that the row is locked: of two uses at the same moment one succeeds.
        link = find_password_link(token, at=at)
        link.used_at = at
        link.save(update_fields=["used_at"])
        admin.password, admin.must_change_password, admin.wrong_codes = encoded, False, 0
        if needs_second_factor(admin) and not admin.has_second_factor():
            admin.enrol_until = at + settings.HAND_OVER_WITHIN
        admin.save(update_fields=["password", "must_change_password", "wrong_codes", "enrol_until"])
        end_all_sign_ins(admin, at=at)
        record_admin_event(AdminAction.PASSWORD_CHANGED, admin, by=by, at=at)
    return admin


def password_link_url(link: NewPasswordLink) -> str:
    """For the output of a command: without PUBLIC_URL the path alone."""
    return f"{settings.PUBLIC_URL or settings.PATH_PREFIX}{reverse('admin:set_password', args=[link.token])}"


def digest_of(token: str) -> str:
    """A plain hash is enough: the token has 256 random bits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
