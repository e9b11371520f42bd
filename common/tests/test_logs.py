"""A log line is one JSON object, whatever was logged, and holds no secret."""

import json
import logging
import re
import uuid

import pytest

from accounts.models import Admin
from accounts.tokens import access_token
from common.keys import generate_key
from common.logs import JsonFormatter
from common.tests.logged import log_lines

log = logging.getLogger("portcullis.test")


def only_line(message: str, *arguments: object, **options: object) -> dict[str, object]:
    with log_lines() as lines:
        log.warning(message, *arguments, **options)
    assert len(lines.lines) == 1
    assert "\n" not in lines.lines[0]
    entry: dict[str, object] = json.loads(lines.lines[0])
    return entry


def test_a_line_says_when_how_bad_who_and_what() -> None:
    entry = only_line("three of %d", 4)
    assert list(entry) == ["at", "level", "logger", "message", "request_id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(entry["at"]))
    assert (entry["level"], entry["logger"], entry["message"]) == ("WARNING", "portcullis.test", "three of 4")
    assert entry["request_id"] is None


@pytest.mark.parametrize(
    "message", ["a\nb", "a\r\nb", 'a"b\\', "a\x00b\x1b[31m", "\ud800", "\u2028 \u0085", "Größe 🍕"]
)
def test_whatever_is_logged_is_one_line_of_ascii(message: str) -> None:
    line = JsonFormatter().format(logging.makeLogRecord({"msg": "%s", "args": (message,)}))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == message


def test_a_stack_trace_stands_in_the_same_line() -> None:
    try:
        raise RuntimeError("over\ntwo lines")
    except RuntimeError:
        entry = only_line("failed", exc_info=True)
    assert "Traceback" in str(entry["exception"])
    assert "over\ntwo lines" in str(entry["exception"])


def test_facts_stand_in_fields_of_their_own() -> None:
    entry = only_line("x", extra={"status": 200, "client": "192.0.2.1", "unknown": "left out"})
    assert (entry["status"], entry["client"]) == (200, "192.0.2.1")
    assert "unknown" not in entry


@pytest.mark.parametrize("prefix", ["psk_", "pdk_", "pct_"], ids=["of a site", "of a device", "of a script"])
def test_a_key_is_not_readable_in_a_message_a_field_or_a_stack_trace(prefix: str) -> None:
    key = generate_key(prefix)
    try:
        raise RuntimeError(f"the key is {key}")
    except RuntimeError:
        entry = only_line("key %s", key, extra={"path": f"/{key}"}, exc_info=True)
    assert key not in str(entry)
    assert entry["message"] == "key [secret]"
    assert entry["path"] == "/[secret]"


def test_a_link_to_the_page_of_a_site_is_not_readable() -> None:
    token = generate_key("psl_")
    assert only_line("refused", extra={"path": f"/s/{token}"})["path"] == "/s/[secret]"


def test_a_link_to_unsubscribe_is_not_readable() -> None:
    path = "/unsubscribe/pus_WyIwMTIzIl0:1tk-_:0123456789abcdefghij"
    assert only_line("refused", extra={"path": path})["path"] == "/unsubscribe/[secret]"


def test_a_token_is_not_readable(anna: Admin) -> None:
    token = access_token(anna, uuid.uuid4())
    assert only_line("Authorization: Bearer %s", token)["message"] == "Authorization: Bearer [secret]"
