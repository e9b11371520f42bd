"""The audit's events about admins."""

import uuid
from datetime import datetime
from typing import Protocol

from django.db.models import TextChoices

from accounts.notices import Addressee, is_by_another, mail_about
from audit.actors import ActingAdmin, Actor
from audit.services import Changes, Subject, record_event

ADMIN = "admin"
ACCESS_REQUEST = "access_request"


class AdminAction(TextChoices):
    CREATED = "admin.created"
    ROLE_CHANGED = "admin.role_changed"
    EMAIL_CHANGED = "admin.email_changed"
    DISABLED = "admin.disabled"
    ENABLED = "admin.enabled"
    PASSWORD_CHANGED = "admin.password_changed"  # noqa: S105 - the name of an action
    PASSWORD_RESET = "admin.password_reset"  # noqa: S105
    AUTHENTICATOR_APP_ADDED = "admin.authenticator_app_added"
    AUTHENTICATOR_APP_REMOVED = "admin.authenticator_app_removed"
    SECURITY_KEY_ADDED = "admin.security_key_added"
    SECURITY_KEY_REMOVED = "admin.security_key_removed"
    RECOVERY_CODES_RENEWED = "admin.recovery_codes_renewed"
    SECOND_FACTORS_RESET = "admin.second_factors_reset"
    GOOGLE_ACCOUNT_LINKED = "admin.google_account_linked"
    GOOGLE_ACCOUNT_UNLINKED = "admin.google_account_unlinked"
    BROWSER_SIGNED_OUT = "admin.browser_signed_out"
    API_SIGN_IN_ENDED = "admin.api_sign_in_ended"
    SIGNED_OUT_ELSEWHERE = "admin.signed_out_elsewhere"
    PASSWORD_CHANGE_REQUIRED = "admin.password_change_required"  # noqa: S105
    TOKEN_CREATED = "admin.token_created"  # noqa: S105
    TOKEN_REVOKED = "admin.token_revoked"  # noqa: S105
    SIGN_IN_BLOCKED = "admin.sign_in_blocked"


class AccessRequestAction(TextChoices):
    REJECTED = "access_request.rejected"


# The subject of a blocked sign-in with an unknown user name.
UNKNOWN_ADMIN = Subject(ADMIN, "unknown", "an unknown name")


def admin_subject(admin: ActingAdmin) -> Subject:
    return Subject(ADMIN, admin.pk, admin.username)


def access_request_subject(request_id: uuid.UUID) -> Subject:
    """Without the name and the address of a stranger: events are kept for good, requests are not."""
    return Subject(ACCESS_REQUEST, request_id, "a request for access")


class RecordedAdmin(ActingAdmin, Addressee, Protocol):
    """The model is in `accounts.models`, which imports this module."""


def record_admin_event(
    action: AdminAction,
    admin: RecordedAdmin,
    *,
    by: Actor,
    at: datetime,
    changes: Changes | None = None,
    reason: str | None = None,
) -> None:
    """Record an event, and tell the person by mail if another caused it."""
    record_event(action, subject=admin_subject(admin), by=by, at=at, changes=changes, reason=reason)
    if is_by_another(admin.pk, by) and action != AdminAction.CREATED:
        mail_about(action, admin, by=by, changes=changes)
