"""Mails, as text and as HTML, through the operator's mail server."""

import smtplib
from contextlib import closing
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils.encoding import punycode

from alerts.channels.transports.faults import network_fault
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict, one_line
from alerts.channels.transports.words import listed, state_word, summary_title
from common.instants import parse_instant

# Longer than EMAIL_TIMEOUT, for which a person may wait: some mail servers let strangers wait for seconds before they greet.
TIMEOUT_SECONDS = 15
MAX_SUBJECT = 200
# Readable on white and on black, with white text on them.
COLORS = {
    "critical": "#c22626",
    "warning": "#a85a00",
    "info": "#2265b8",
    "acknowledged": "#5f6368",
    "resolved": "#1d7a3e",
}


def send(message: Message, target: Target) -> Outcome:
    """What the mail server refuses because of our settings is tried again, because an operator can put them right."""
    if not settings.EMAIL_HOST:
        return Outcome(Verdict.RETRY, detail="No mail server is configured: set EMAIL_HOST.")
    try:
        # Django leaves the connection open if signing in fails.
        with closing(get_connection(timeout=TIMEOUT_SECONDS)) as connection:
            connection.send_messages([mail_of(message, target)])
    except smtplib.SMTPRecipientsRefused as error:
        return refused(*next(iter(error.recipients.values())))
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused, smtplib.SMTPHeloError) as error:
        return refused(error.smtp_code, error.smtp_error, verdict=Verdict.RETRY)
    except smtplib.SMTPResponseException as error:
        return refused(error.smtp_code, error.smtp_error)
    except smtplib.SMTPServerDisconnected:
        return Outcome(Verdict.RETRY, detail="The mail server closed the connection, or did not answer in time.")
    except smtplib.SMTPException as error:
        # What was asked of the server is nothing that it offers: STARTTLS, a way to sign in.
        return Outcome(Verdict.RETRY, detail=f"The mail server cannot be used as configured: {error}")
    except OSError as error:
        return Outcome(Verdict.RETRY, detail=network_fault(error))
    return Outcome(Verdict.DELIVERED, 250, "The mail server accepted it.")


def refused(code: int, said: bytes | str, *, verdict: Verdict | None = None) -> Outcome:
    """Codes from 500 are permanent; smtplib has -1 for an answer without a code."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    by_code = Verdict.FAILED if code >= 500 else Verdict.RETRY
    return Outcome(verdict or by_code, code if code > 0 else None, f"The mail server answered {code}: {text}")


def mail_of(message: Message, target: Target) -> EmailMultiAlternatives:
    template, subject, context = content_of(message)
    context |= {"subject": subject, "channel": target.name, "panel_url": message.panel_url}
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"alerts/mail/{template}.txt", context).strip() + "\n",
        to=[target.address],
        headers=headers_of(message),
    )
    mail.attach_alternative(render_to_string(f"alerts/mail/{template}.html", context), "text/html")
    return mail


def headers_of(message: Message) -> dict[str, str]:
    """A mail that is sent twice is recognized by its id, and the mails about one incident belong together."""
    domain = punycode(parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]) or "portcullis.invalid"
    headers = {
        "Message-ID": f"<{message.id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",  # the same for Exchange
    }
    if message.incident:
        thread = f"<incident-{message.incident['id']}@{domain}>"
        headers |= {"References": thread, "In-Reply-To": thread}
    return headers


def content_of(message: Message) -> tuple[str, str, dict[str, Any]]:
    """The name of the templates, the subject and what the templates show."""
    if message.summary is not None:
        entries, more = listed(message)
        shown = [summary_entry(entry["type"], entry["incident"]) for entry in entries]
        title = summary_title(message)
        listing = {"title": title, "entries": shown, "more": f"{more:,}" if more else ""}
        return "summary", subject_of("summary", title), listing
    if message.incident is None:
        return "test", subject_of("test", "Portcullis can send mails to this address"), {}
    word = state_word(message.type, message.incident)
    context = {
        "word": word,
        "color": color_of(word, message.incident),
        "incident": message.incident,
        "facts": facts(message.incident),
    }
    return "incident", subject_of(word, message.incident["title"]), context


def subject_of(word: str, title: str) -> str:
    return one_line(f"[{word}] {title}", MAX_SUBJECT)


def summary_entry(kind: str, incident: dict[str, Any]) -> dict[str, str]:
    word = state_word(kind, incident)
    return {
        "word": word,
        "color": color_of(word, incident),
        "title": one_line(incident["title"], MAX_SUBJECT),
        "opened": moment(incident["opened_at"]),
    }


def color_of(word: str, incident: dict[str, Any]) -> str:
    return COLORS.get(word, COLORS[incident["severity"]])


def facts(incident: dict[str, Any]) -> list[tuple[str, str]]:
    """Labels and values."""
    lines = [("Opened", moment(incident["opened_at"]))]
    if incident["acknowledged_at"]:
        by = f" by {incident['acknowledged_by']}" if incident["acknowledged_by"] else ""
        lines.append(("Acknowledged", moment(incident["acknowledged_at"]) + by))
    if incident["resolved_at"]:
        lines.append(("Resolved", moment(incident["resolved_at"])))
    if incident["sites"]:
        lines.append(("Sites", f"{incident['sites']:,}"))
    return lines


def moment(instant: str) -> str:
    """As in "2026-11-29 19:02 UTC"."""
    return f"{parse_instant(instant):%Y-%m-%d %H:%M} UTC"
