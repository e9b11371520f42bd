"""The periodic job that sends the notices to restaurants."""

import logging
import smtplib
from datetime import datetime, timedelta

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F

from alerts.customer_notices.mail import mail_of
from alerts.customer_notices.schedule import gets_notices, is_over, store_due_notices
from alerts.customer_notices.services import can_be_sent
from alerts.customer_notices.share_page import store_link, token_for
from alerts.customer_notices.tokens import subscriber_of
from alerts.models import LicenseNotice, NoticeTemplate, Unsubscription
from alerts.models.customer_notices import STAGES
from audit.actors import SYSTEM
from audit.services import record_event
from sites.events import SiteAction, site_subject
from sites.models import Site

AT_ONCE = 1_000
RETRY_AFTER = timedelta(minutes=5)
# Longer than the mails of one run take; then another worker may send a notice again, with the same Message-ID.
CLAIMED_FOR = timedelta(minutes=30)
FIRST_FINAL_CODE = 500
log = logging.getLogger("portcullis.alerts")


def send_license_notices(*, at: datetime) -> dict[str, int] | None:
    """Send what is due; how many mails were sent, None without one.

    If the mail server cannot be reached or refuses every mail, its exception makes the job fail, which the panel shows. The
    notices wait until the end of their day.
    """
    template = NoticeTemplate.objects.filter(is_enabled=True).first()
    if template is None or not can_be_sent():
        return None
    store_due_notices(at=at)
    waiting = LicenseNotice.objects.waiting().filter(next_attempt_at__lte=at).select_related("site")
    # A mail that ended the connection before comes last, so that it does not keep the others waiting.
    notices = list(waiting.order_by("attempts", "sequence")[:AT_ONCE])
    if not notices:
        return None
    connection = get_connection()
    try:
        sent = sum(send_notice(notice, template, connection, at=at) for notice in notices)
    finally:
        connection.close()
    return {"sent": sent} if sent else None


def send_notice(notice: LicenseNotice, template: NoticeTemplate, connection: BaseEmailBackend, *, at: datetime) -> bool:
    """Whether it was sent. If another worker has it, it was not."""
    mine = LicenseNotice.objects.waiting().filter(pk=notice.pk, next_attempt_at__lte=at)
    if not mine.update(next_attempt_at=at + CLAIMED_FOR, attempts=F("attempts") + 1):
        return False
    site = Site.objects.filter(gets_notices(at), pk=notice.site_id).first()
    reason = why_not(notice, site, at=at)
    if site is None or reason:
        end_notice(notice, LicenseNotice.State.DROPPED, answer=reason, at=at)
        return False
    token = token_for(template)
    try:
        connection.open()
        mail_of(notice, site, template, connection, token=token).send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
        note_refusal(notice, error, at=at)
        return False
    except Exception:
        # No fault of this mail: the next ones would fail as well.
        LicenseNotice.objects.waiting().filter(pk=notice.pk).update(next_attempt_at=at)
        raise
    note_sent(notice, token=token, at=at)
    return True


def why_not(notice: LicenseNotice, site: Site | None, *, at: datetime) -> str:
    """Why the notice is not wanted any more; empty if it is. `site` is None if it gets no notices at all."""
    if site is None or site.deregistered_at is not None:
        return "The site is locked, inactive, deregistered or without a licence."
    if site.license_expires_at != notice.license_expires_at:
        return "The end of the licence has changed."
    if is_over(notice, at=at):
        return "It could not be sent on its day."
    if notice.stage != min(STAGES):
        subscriber = subscriber_of(site)
        left = Unsubscription.objects.filter(site=site, address_digest=subscriber.address_digest)
        if left.exists():
            return "The restaurant has unsubscribed."
    return ""


@transaction.atomic
def note_sent(notice: LicenseNotice, *, token: str | None, at: datetime) -> None:
    """The site may have been erased since: then its name is as it is now, and the link in the mail leads nowhere."""
    site = Site.objects.select_for_update(no_key=True).get(pk=notice.site_id)
    end_notice(notice, LicenseNotice.State.SENT, answer="", at=at)
    changes = {"days_before_the_end": (None, notice.stage)}
    subject = site_subject(site.pk, site.name)
    record_event(SiteAction.LICENSE_NOTICE_SENT, subject=subject, by=SYSTEM, at=at, changes=changes)
    if token and site.deregistered_at is None:
        store_link(site.pk, token, at=at)


def note_refusal(
    notice: LicenseNotice, error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError, *, at: datetime
) -> None:
    """The mail server refused this mail: for good, or for now. Its words may repeat the address, so only the code is kept."""
    codes = (
        [code for code, _ in error.recipients.values()]
        if isinstance(error, smtplib.SMTPRecipientsRefused)
        else [error.smtp_code]
    )
    code = max(codes)
    answer = f"The mail server answered {code}."
    log.warning("notice %s was refused by the mail server: %s", notice.id, code)
    if code >= FIRST_FINAL_CODE:
        end_notice(notice, LicenseNotice.State.FAILED, answer=answer, at=at)
    else:
        LicenseNotice.objects.waiting().filter(pk=notice.pk).update(next_attempt_at=at + RETRY_AFTER, answer=answer)


def end_notice(notice: LicenseNotice, state: LicenseNotice.State, *, answer: str, at: datetime) -> None:
    LicenseNotice.objects.waiting().filter(pk=notice.pk).update(state=state, answer=answer, ended_at=at)
