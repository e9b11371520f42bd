"""What a transport reports and what it takes."""

import pytest

from alerts.channels.transports.outcome import Outcome, Target, Verdict

pytestmark = pytest.mark.any_database


def test_a_detail_is_one_line_of_at_most_300_characters() -> None:
    outcome = Outcome(Verdict.FAILED, 400, "a\r\nb\x1b[31m\u2028c " + "d" * 400)
    assert outcome.detail.startswith("a b [31m c ddd")
    assert len(outcome.detail) == 300
    assert outcome.detail.endswith("…")


def test_a_target_does_not_print_its_secrets() -> None:
    printed = repr(Target("webhook", "https://hooks.example.com/secret", "whsec_secret", "On call"))
    assert "secret" not in printed.replace("signing_secret", "")
    assert "On call" in printed
