"""Changing admins. They are created with a link for a password; see `password_links`."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.errors import AdminNotFound, EnrolmentExpired, LastSysadmin, RoleAboveOwn
from accounts.events import ADMIN, AdminAction, record_admin_event
from accounts.models import Admin, PasswordLink
from accounts.required_steps import required_step
from accounts.roles import Role, may_do_all_of
from accounts.services.locks import lock_admins
from accounts.services.sign_ins import end_all_sign_ins, revoke_all_personal_tokens
from audit.actors import Actor
from audit.models import Event
from audit.services import Changes

CHANGEABLE = ("role", "is_active", "email")
# After these another person may hold the account.
HANDED_OVER = (
    AdminAction.CREATED,
    AdminAction.ROLE_CHANGED,
    AdminAction.ENABLED,
    AdminAction.PASSWORD_RESET,
    AdminAction.SECOND_FACTORS_RESET,
)


@transaction.atomic
def change_admin(admin_id: int, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Admin:
    """Change the fields of CHANGEABLE that are named, one event for each that differs.

    It ends all sign-ins of an admin who is disabled, or whose new role requires something that they did not sign in with,
    such as a second factor. The personal access tokens of a disabled admin end, too. Raises AdminNotFound, LastSysadmin,
    RoleAboveOwn and SignInEnded.
    """
    with keep_one_sysadmin(admin_id, by=by, at=at) as admin:
        for role in (admin.role, changes.get("role", admin.role)):
            refuse_role_above_own(role, by=by)
        before = {name: getattr(admin, name) for name in CHANGEABLE}
        changed = {name: changes[name] for name in CHANGEABLE if name in changes and changes[name] != before[name]}
        for name, value in changed.items():
            setattr(admin, name, value)
    is_disabled = "is_active" in changed and not admin.is_active
    revoked: Changes = {}
    if is_disabled:
        PasswordLink.objects.filter(admin=admin).delete()
        revoked = revoke_all_personal_tokens(admin, at=at)
    if is_disabled or ("role" in changed and required_step(admin, at=at)):
        admin.token_generation += 1
        end_all_sign_ins(admin, at=at)
    admin.save(update_fields=[*CHANGEABLE, "token_generation"])
    for name, value in changed.items():
        action = {
            "role": AdminAction.ROLE_CHANGED,
            "is_active": AdminAction.ENABLED if value else AdminAction.DISABLED,
            "email": AdminAction.EMAIL_CHANGED,
        }[name]
        also = revoked if name == "is_active" else {}
        record_admin_event(action, admin, by=by, at=at, changes={name: (before[name], value), **also})
    return admin


def give_missing_ids() -> None:
    """Give the API's id to admins whom the previous release added while it served beside this one. No event: no admin acts."""
    for pk in Admin.objects.filter(public_id=None).values_list("pk", flat=True):
        Admin.objects.filter(pk=pk, public_id=None).update(public_id=uuid.uuid4())


@contextmanager
def keep_one_sysadmin(admin_id: int, *, by: Actor, at: datetime) -> Iterator[Admin]:
    """Lock an admin to be changed in memory; the caller saves afterwards.

    Raises AdminNotFound, SignInEnded, and LastSysadmin if none would remain.
    """
    # With every sysadmin's row: two who demote each other at once must not both succeed.
    locked = lock_admins(Q(pk=admin_id) | Q(role=Role.SYSADMIN, is_active=True), by=by)
    admin = locked.pop(admin_id, None)
    others = [other for other in locked.values() if can_administer(other, at=at)]
    if admin is None:
        raise AdminNotFound("There is no such admin.")
    could_administer = can_administer(admin, at=at)
    yield admin
    if could_administer and not others and not can_administer(admin, at=at):
        raise LastSysadmin


def refuse_role_above_own(role: str, *, by: Actor) -> None:
    """Commands on the server may grant any role. The acting admin's row must be locked. Raises RoleAboveOwn."""
    if by.admin is not None and not may_do_all_of(by.admin.role, role):
        raise RoleAboveOwn


def can_administer(admin: Admin, *, at: datetime) -> bool:
    """Whether they can sign in as a sysadmin: they need a password, and may not have let the time for a second factor pass."""
    can_sign_in = admin.is_superuser and admin.has_usable_password()
    return can_sign_in and required_step(admin, at=at) is not EnrolmentExpired


def is_handed_over_since(admin: Admin, since: datetime) -> bool:
    """Whether the account was made or enabled, or got its role, its password by a link, or new second factors, after that."""
    links = PasswordLink.objects.filter(Q(created_at__gt=since) | Q(used_at__gt=since), admin=admin)
    events = Event.objects.of(ADMIN, admin.pk).filter(action__in=HANDED_OVER, at__gt=since)
    return admin.created_at > since or links.exists() or events.exists()
