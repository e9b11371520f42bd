"""The mail that tells a person how their request for access was decided."""

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from accounts.models import AccessRequest

APPROVED = """\
Your request for access to Portcullis was approved.

Your user name is {email}. {how}{url}{ended}

If you did not ask for access, tell the people who run Portcullis at once: somebody used your address.
"""
REJECTED = """\
Your request for access to Portcullis was rejected.
{note}
You may ask again after a day. If you did not ask for access, you need not do anything.
"""
OTHERS = "Other requests that named your address were rejected: {}."
BY_GOOGLE = "Sign in with the Google account with which you asked."
BY_PASSWORD = "Sign in with the password that you chose."  # noqa: S105 - a sentence


def mail_decision(request: AccessRequest, *, others: int = 0) -> None:
    """Send it after the commit, if there is a mail server. A failure is logged and does not undo the decision.

    `others` is how many more requests for the address the decision ended: the mail goes to the same person.
    """
    if not settings.EMAIL_HOST:
        return
    is_approved = request.state == AccessRequest.State.APPROVED
    if is_approved:
        how = BY_GOOGLE if request.google_subject else BY_PASSWORD
        url = f"\n\n{settings.PUBLIC_URL}/admin/" if settings.PUBLIC_URL else ""
        ended = f"\n\n{OTHERS.format(others)}" if others else ""
        body = APPROVED.format(email=request.email, how=how, url=url, ended=ended)
    else:
        body = REJECTED.format(note=f"\n{request.note}\n" if request.note else "")
    subject = f"Portcullis: request for access {'approved' if is_approved else 'rejected'}"
    address = request.email

    def send_decision() -> None:
        send_mail(subject, body, None, [address])

    # `robust` logs an exception of any kind and goes on. Django names the function in that line, so it is no partial.
    transaction.on_commit(send_decision, robust=True)
