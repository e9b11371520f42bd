"""The vendor's words: a subject and a text with placeholders, such as {restaurant}."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from alerts.models import NoticeTemplate
from alerts.models.customer_notices import MAX_SUBJECT_LENGTH, MAX_TEXT_LENGTH
from common.values import clean_text

PLACEHOLDERS: Mapping[str, str] = {
    "restaurant": "the site's name",
    "owner": "the owner's name",
    "days": "how many days are left: 30, 14, 7 or 1",
    "ends_on": "the last day of the licence in the site's time zone, as in 2026-12-31",
    "link": "a new link to the restaurant's page, which works for 60 days",
    "unsubscribe": "the link to unsubscribe; if the text has none, it is added at the end",
}
ONLY_IN_TEXT = frozenset({"link", "unsubscribe"})
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
DEFAULT_SUBJECT = "The licence of {restaurant} ends on {ends_on}"
DEFAULT_TEXT = """Dear {owner},

the licence of {restaurant} ends on {ends_on}. Days left: {days}.
See it here: {link}

Please answer this mail to renew it.

To get no more of these reminders, except the last one: {unsubscribe}
"""


def current_template() -> NoticeTemplate:
    """As stored; else the default words, turned off."""
    stored = NoticeTemplate.objects.first()
    return stored or NoticeTemplate(subject=DEFAULT_SUBJECT, text=DEFAULT_TEXT, revision=0)


def clean_subject(value: Any) -> str:
    """Raises Django's ValidationError."""
    subject = clean_text(value, max_length=MAX_SUBJECT_LENGTH)
    refuse_unknown_placeholders(subject, known=[name for name in PLACEHOLDERS if name not in ONLY_IN_TEXT])
    return subject


def clean_body(value: Any) -> str:
    """Raises Django's ValidationError."""
    text = clean_text(value, max_length=MAX_TEXT_LENGTH, multiline=True).replace("\r\n", "\n")
    refuse_unknown_placeholders(text, known=list(PLACEHOLDERS))
    return text


def refuse_unknown_placeholders(text: str, *, known: list[str]) -> None:
    listed = ", ".join(f"{{{name}}}" for name in known)
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            raise ValidationError(f"{{{name}}} is not known here. Use {listed}.", code="placeholder")
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise ValidationError(f"A brace is only allowed around a placeholder: {listed}.", code="placeholder")


def filled(template: str, values: Mapping[str, str]) -> str:
    """In one pass, so that a name that looks like a placeholder stays as it is."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def filled_subject(subject: str, values: Mapping[str, str]) -> str:
    """One line: names may have any blanks."""
    return " ".join(filled(subject, values).split())


def filled_body(text: str, values: Mapping[str, str]) -> str:
    """Without the lines that name a link that does not exist; with the link to unsubscribe in any case."""
    lines = [line for line in text.splitlines() if values["link"] or "{link}" not in line]
    if "{unsubscribe}" not in text:
        lines += ["", "--", "{unsubscribe}"]
    return filled("\n".join(lines).rstrip() + "\n", values)
