"""Linking and unlinking the Google account of an admin. Never by its e-mail address: only its subject identifies it."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.errors import AdminNotFound, GoogleAccountLinked, GoogleAccountNeeded, GoogleAccountTaken
from accounts.events import AdminAction, record_admin_event
from accounts.google.identity import GoogleIdentity
from accounts.models import Admin, GoogleAccount
from accounts.services import end_all_sign_ins, lock_admin, revoke_all_personal_tokens
from audit.actors import Actor
from audit.services import Changes


@transaction.atomic
def link_google_account(admin_id: int, identity: GoogleIdentity, *, by: Actor, at: datetime) -> GoogleAccount:
    """Let an admin sign in with this Google account. Linking the same one again changes nothing.

    Raises GoogleAccountTaken if it is another admin's, GoogleAccountLinked if the admin has another one, AdminNotFound for a
    disabled admin, and SignInEnded.
    """
    admin = lock_admin(admin_id, by=by)
    if not admin.is_active:
        raise AdminNotFound("This admin is disabled.")
    present = GoogleAccount.objects.filter(admin=admin).first()
    if present is not None:
        if present.subject == identity.subject:
            return present
        raise GoogleAccountLinked
    account = add_google_account(admin, identity, at=at)
    changes = {"google_account": (None, identity.email)}
    record_admin_event(AdminAction.GOOGLE_ACCOUNT_LINKED, admin, by=by, at=at, changes=changes)
    return account


def add_google_account(admin: Admin, identity: GoogleIdentity, *, at: datetime) -> GoogleAccount:
    """Without an event of its own: also for a new admin, whose event says it. Raises GoogleAccountTaken."""
    try:
        with transaction.atomic():
            return GoogleAccount.objects.create(
                admin=admin, subject=identity.subject, email=identity.email, linked_at=at
            )
    except IntegrityError as error:
        raise GoogleAccountTaken from error


@transaction.atomic
def unlink_google_account(admin_id: int, *, by: Actor, at: datetime) -> Admin:
    """Unlink it, sign the admin out everywhere, and revoke their tokens. Unlinking what is not there changes nothing.

    Raises GoogleAccountNeeded if the admin could no longer sign in, and SignInEnded.
    """
    admin = lock_admin(admin_id, by=by)
    account = GoogleAccount.objects.filter(admin=admin).first()
    if account is None:
        return admin
    if not admin.has_usable_password():
        raise GoogleAccountNeeded
    account.delete()
    # One reason to unlink it is that somebody else may use it, even at this moment: the new generation also ends a sign-in that
    # has read the link and is not finished.
    admin.token_generation += 1
    admin.save(update_fields=["token_generation"])
    end_all_sign_ins(admin, at=at)
    changes: Changes = {"google_account": (account.email, None), **revoke_all_personal_tokens(admin, at=at)}
    record_admin_event(AdminAction.GOOGLE_ACCOUNT_UNLINKED, admin, by=by, at=at, changes=changes)
    return admin
