"""Mails to people whose account somebody else has changed."""

from typing import Protocol

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from audit.actors import Actor
from audit.models import Event
from audit.services import Changes


class Addressee(Protocol):
    @property
    def username(self) -> str: ...
    @property
    def email(self) -> str: ...


def mail_about(action: str, admin: Addressee, *, by: Actor, changes: Changes | None) -> None:
    """Send a mail after the commit, if there is a mail server. A failure is logged and does not fail the change."""
    if not settings.EMAIL_HOST:
        return
    former = (changes or {}).get("email", (None, None))[0]
    addresses = sorted({address for address in (admin.email, former) if address})
    what = words_of(action)
    who = by.admin.username if by.admin else "a command on the server"
    body = (
        f"Your account {admin.username} at Portcullis: {what}, by {who}.\n\n"
        "If you did not expect this, tell another sysadmin at once.\n"
    )

    def send_notice() -> None:
        send_mail(f"Portcullis: {what}", body, None, addresses)

    # `robust` logs an exception of any kind and goes on. Django names the function in that line, so it is no partial.
    transaction.on_commit(send_notice, robust=True)


def is_by_another(admin_id: int, by: Actor) -> bool:
    """Whether another person caused it, in the panel, through the API or by a command."""
    return by.source != Event.Source.SYSTEM and (by.admin is None or by.admin.pk != admin_id)


def words_of(action: str) -> str:
    """As in "role changed"."""
    return action.partition(".")[2].replace("_", " ")
