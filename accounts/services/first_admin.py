"""The first admin, named by FIRST_ADMIN_EMAIL.

A command on the server prints the link: the address alone, in a request for access or of a Google account, grants nothing.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import Admin, PasswordLink
from accounts.roles import Role
from accounts.services.password_links import NewPasswordLink, invite_admin, reset_password_by_link
from audit.actors import Actor


def invite_first_admin(email: str, *, by: Actor, at: datetime) -> NewPasswordLink | None:
    """A sysadmin whose user name is the address, if there is no admin at all, with a link for the password.

    Another link once that one has expired unused. None if there is any other admin, so that the setting never lets anybody
    into an installation in use, and if the address is empty.
    """
    admins = list(Admin.objects.all()[:2])
    if not email or len(admins) > 1:
        return None
    if not admins:
        try:
            with transaction.atomic():
                return invite_admin(email, email=email, role=Role.SYSADMIN, by=by, at=at)
        except IntegrityError:
            return None  # another process made them at the same moment, and has the link
    [admin] = admins
    has_expired = PasswordLink.objects.filter(admin=admin, used_at=None, expires_at__lte=at).exists()
    if admin.username == email and admin.is_active and has_expired and not admin.has_usable_password():
        return reset_password_by_link(admin.pk, by=by, at=at)
    return None
