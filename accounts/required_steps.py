"""Steps that an admin must take before they can use the panel or the API."""

from datetime import datetime

from django.conf import settings

from accounts.errors import EnrolmentExpired, PasswordChangeRequired, TwoFactorRequired
from accounts.models import Admin
from accounts.roles import Role
from common.errors import NotAllowed

ROLES_WITH_SECOND_FACTOR = frozenset({Role.SYSADMIN, Role.SUPPORT})


def required_step(admin: Admin, *, at: datetime) -> type[NotAllowed] | None:
    """The error to raise until the required step is done; None if nothing is required.

    EnrolmentExpired is not a step of the admin's: a sysadmin has to renew the time.
    """
    lacks_factor = needs_second_factor(admin) and not admin.has_second_factor()
    if lacks_factor and admin.enrol_until is not None and admin.enrol_until <= at:
        return EnrolmentExpired
    if admin.must_change_password:
        return PasswordChangeRequired
    if lacks_factor:
        return TwoFactorRequired
    return None


def needs_second_factor(admin: Admin) -> bool:
    return bool(settings.REQUIRE_TWO_FACTOR) and admin.role in ROLES_WITH_SECOND_FACTOR
