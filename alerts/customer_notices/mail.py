"""A notice as a mail: the vendor's words, filled in for one site."""

from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from alerts.customer_notices.share_page import address_of
from alerts.customer_notices.tokens import unsubscribe_url
from alerts.customer_notices.words import filled_body, filled_subject
from alerts.models import LicenseNotice, NoticeTemplate
from sites.calendar import last_day
from sites.models import Site


@dataclass(frozen=True)
class Words:
    """What the restaurant reads."""

    subject: str
    body: str


def words_for(site: Site, template: NoticeTemplate, *, stage: int, link: str) -> Words:
    """Without `link`, the address of the restaurant's page, a line that names it is left out."""
    values = {
        "restaurant": site.name,
        "owner": site.owner_name,
        "days": str(stage),
        "ends_on": last_day(site.license_expires_at, site.timezone).isoformat(),
        "link": link,
        "unsubscribe": unsubscribe_url(site),
    }
    return Words(filled_subject(template.subject, values), filled_body(template.text, values))


def mail_of(
    notice: LicenseNotice,
    site: Site,
    template: NoticeTemplate,
    connection: BaseEmailBackend | None = None,
    *,
    token: str | None = None,
) -> EmailMessage:
    """With a link for one click in mail programs (RFC 8058), and the same Message-ID in each attempt."""
    words = words_for(site, template, stage=notice.stage, link=address_of(token))
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<{notice.id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{unsubscribe_url(site)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return EmailMessage(words.subject, words.body, None, [site.contact_email], connection=connection, headers=headers)
