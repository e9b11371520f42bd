"""Locking the rows of admins that a change needs, with that of the admin who acts.

A request may wait for a lock after it was authenticated. If its admin was disabled or reset while it waited, it must change
nothing.
"""

from django.db.models import Q

from accounts.errors import AdminNotFound, SignInEnded
from accounts.models import Admin
from audit.actors import ActingAdmin, Actor

# A change of one of these ends sign-ins, or changes what the admin may do.
AUTHENTICATED_BY = ("is_active", "role", "password", "token_generation")


def lock_admin(admin_id: int, *, by: Actor) -> Admin:
    """The row of an admin who is to be changed. Raises AdminNotFound, and SignInEnded as `lock_admins` does."""
    admin = lock_admins(Q(pk=admin_id), by=by).get(admin_id)
    if admin is None:
        raise AdminNotFound("There is no such admin.")
    return admin


def lock_acting_admin(by: Actor) -> None:
    """For a change of something else. Raises SignInEnded as `lock_admins` does."""
    lock_admins(Q(pk__in=[]), by=by)


def lock_admins(rows: Q, *, by: Actor) -> dict[int, Admin]:
    """These rows and that of the acting admin, by their keys; in one order, so that no two changes wait for each other.

    Raises SignInEnded if the acting admin was changed since the request was authenticated. A command has none.
    """
    acting = by.admin
    if acting is not None:
        rows |= Q(pk=acting.pk)
    locked = {admin.pk: admin for admin in Admin.objects.select_for_update(no_key=True).filter(rows).order_by("pk")}
    if acting is not None:
        refuse_if_changed(acting, locked[acting.pk])
    return locked


def refuse_if_changed(as_read: ActingAdmin, present: Admin) -> None:
    """Raises SignInEnded unless what the request was authenticated by is as it was."""
    if any(getattr(as_read, name) != getattr(present, name) for name in AUTHENTICATED_BY):
        raise SignInEnded
