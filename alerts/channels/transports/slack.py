"""Slack's incoming webhooks, with blocks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/."""

import json
import re
from typing import Any

from django.conf import settings

from alerts.channels.transports.http import Answer, post
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict, one_line
from alerts.channels.transports.words import listed, sites_counted, state_word, summary_title
from common.instants import parse_instant

# Slack refuses the whole message if one is longer.
MAX_HEADER, MAX_SECTION = 150, 3_000
SYMBOLS = {"critical": "🔴", "warning": "🟠", "info": "🔵", "acknowledged": "👀", "resolved": "✅"}
# Slack's codes, such as invalid_payload. Anything else may be the page of a proxy that repeats the URL, which is a secret.
ERROR_CODE = re.compile(rb"[a-z0-9_]{1,60}")

Block = dict[str, Any]


def send(message: Message, target: Target) -> Outcome:
    body = json.dumps(content_of(message, target), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return post(target.address, body, headers, allow_private=settings.ALERT_ALLOW_PRIVATE_ADDRESSES, read=read_answer)


def read_answer(answer: Answer) -> Outcome | None:
    """Slack reports some errors with the status 200, so only the text "ok" is a success."""
    text = (answer.body or b"").strip()
    if answer.status == 200 and text == b"ok":
        return Outcome(Verdict.DELIVERED, answer.status, "ok")
    if 200 <= answer.status < 300:
        if answer.body is None:
            return Outcome(Verdict.RETRY, answer.status, "The answer did not come whole.")
        return Outcome(Verdict.FAILED, answer.status, f"Slack answered {code_in(text)}.")
    if 400 <= answer.status < 500 and answer.status not in (408, 410, 429) and ERROR_CODE.fullmatch(text):
        return Outcome(Verdict.FAILED, answer.status, f"Slack answered {answer.status} {code_in(text)}.")
    return None


def code_in(text: bytes) -> str:
    return text.decode() if ERROR_CODE.fullmatch(text) else 'something other than "ok"'


def content_of(message: Message, target: Target) -> dict[str, Any]:
    """`text` is what notifications and screen readers show."""
    if message.summary is not None:
        title, blocks = summary_title(message), summary_blocks(message)
    elif message.incident is None:
        title = f"Test of the channel {target.name}"
        blocks = [header(title), section("Portcullis can send messages to this channel.")]
    else:
        title = incident_title(message.type, message.incident)
        blocks = incident_blocks(title, message.incident)
    if message.panel_url:
        blocks.append(link_button(message.panel_url))
    return {"text": escaped(title), "blocks": blocks}


def incident_title(kind: str, incident: dict[str, Any]) -> str:
    word = state_word(kind, incident)
    symbol = SYMBOLS.get(word, SYMBOLS.get(incident["severity"], ""))
    return f"{symbol} {word.capitalize()}: {incident['title']}"


def incident_blocks(title: str, incident: dict[str, Any]) -> list[Block]:
    blocks = [header(title), context(facts(incident))]
    return [*blocks, section(incident["detail"])] if incident["detail"] else blocks


def facts(incident: dict[str, Any]) -> str:
    parts = [f"Opened {moment(incident['opened_at'])}"]
    if incident["acknowledged_at"]:
        by = f" by {escaped(incident['acknowledged_by'])}" if incident["acknowledged_by"] else ""
        parts.append(f"acknowledged {moment(incident['acknowledged_at'])}{by}")
    if incident["resolved_at"]:
        parts.append(f"resolved {moment(incident['resolved_at'])}")
    return " · ".join([*parts, sites_counted(incident)] if incident["sites"] else parts)


def summary_blocks(message: Message) -> list[Block]:
    entries, more = listed(message)
    lines = [one_line(incident_title(entry["type"], entry["incident"]), MAX_SECTION // 20) for entry in entries]
    return [
        header(summary_title(message)),
        section("\n".join(lines)),
        *([context(f"and {more:,} more")] if more else []),
    ]


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": one_line(text, MAX_HEADER)}}


def section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(escaped(text), MAX_SECTION)}}


def context(markup: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(markup, MAX_SECTION)}]}


def link_button(url: str) -> Block:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open in Portcullis"}, "url": url}
    return {"type": "actions", "elements": [button]}


def moment(instant: str) -> str:
    """Slack shows it in the time zone of the reader."""
    at = parse_instant(instant)
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def escaped(text: str) -> str:
    """These three have a meaning to Slack: without this, a site's name could mention everybody or forge a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(escaped_text: str, length: int) -> str:
    """Without half an escape at the end."""
    if len(escaped_text) <= length:
        return escaped_text
    return re.sub(r"&[a-z]*$", "", escaped_text[: length - 1]) + "…"
