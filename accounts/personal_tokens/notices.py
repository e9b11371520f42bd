"""The periodic job that tells people that their tokens end soon."""

import logging
import smtplib
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F

from accounts.models import Admin, PersonalToken
from accounts.models.personal_tokens import PersonalTokenQuerySet
from common.instants import format_instant
from common.web.links import public_link

# A ValueError is for an address that cannot be written in a mail, such as one whose domain has no form in ASCII.
MAIL_FAILURES = (OSError, smtplib.SMTPException, ValueError)

log = logging.getLogger("portcullis.accounts")


def unwarned_tokens(*, at: datetime) -> PersonalTokenQuerySet:
    """Tokens that end soon and whose owners were not told. Those that never had more time are left out."""
    never_had_more = F("created_at") + PersonalToken.ENDS_SOON
    return PersonalToken.objects.ending_soon(at=at).filter(expires_at__gt=never_had_more, warned_at=None)


def warn_of_ending_tokens(*, at: datetime) -> dict[str, int] | None:
    """Mail each owner once about the tokens that end soon; how many mails were sent, None without one.

    If no mail can be sent, the exception of the last one makes the job fail.
    """
    if not settings.EMAIL_HOST:
        return None
    owners = Admin.objects.filter(pk__in=unwarned_tokens(at=at).values("admin"), is_active=True).exclude(email="")
    mailed, failure = 0, None
    for owner in owners.order_by("pk"):
        try:
            mailed += warn_owner(owner, at=at)
        except MAIL_FAILURES as error:
            log.warning("%s was not told that tokens end soon: %s", owner.username, error)
            failure = error
    if failure and not mailed:
        raise failure
    return {"mailed": mailed} if mailed else None


def warn_owner(owner: Admin, *, at: datetime) -> bool:
    """Whether a mail was sent; not if another worker sends it. If it cannot be sent, the tokens are as before."""
    tokens = claim_tokens(owner, at=at)
    if not tokens:
        return False
    try:
        send_mail("Portcullis: tokens of your scripts end soon", mail_text(owner, tokens), None, [owner.email])
    except MAIL_FAILURES:
        PersonalToken.objects.filter(pk__in=[token.pk for token in tokens]).update(warned_at=None)
        raise
    return True


def claim_tokens(owner: Admin, *, at: datetime) -> list[PersonalToken]:
    """Mark them before the mail is sent: a transaction must not wait for a mail server."""
    due = unwarned_tokens(at=at).filter(admin=owner)
    found = due.order_by("expires_at", "pk")
    return [token for token in found if due.filter(pk=token.pk).update(warned_at=at)]


def mail_text(owner: Admin, tokens: Iterable[PersonalToken]) -> str:
    lines = [f"* {token.label}, at {format_instant(token.expires_at)}" for token in tokens if token.expires_at]
    address = f": {public_link('admin:account')}" if settings.PUBLIC_URL else "."
    where = f"Make new ones in the panel, under Your account{address}"
    return "\n".join([f"Tokens of your account {owner.username} at Portcullis end soon:", "", *lines, "", where])
