"""Mails about incidents."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.transports import mail as mail_transport
from alerts.channels.transports import send
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.tests.transports.examples import MESSAGE_ID, PANEL_URL, incident, message, message_of_test, summary, target
from tests.fake_services.certificates import write_certificate
from tests.fake_services.http import Behaviour, FakeHttp, Reply, close, closed_port, garbage, hang, reset
from tests.fake_services.smtp import FakeSmtp

pytestmark = pytest.mark.any_database
TARGET = target("email", "alerts@vendor.example")


@pytest.fixture
def smtp(settings: Any) -> Iterator[FakeSmtp]:
    with FakeSmtp() as running:
        use(settings, running.port)
        yield running


def use(settings: Any, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.DEFAULT_FROM_EMAIL = "Portcullis <licenses@vendor.example>"


def parts(smtp: FakeSmtp) -> tuple[str, str]:
    """The text and the HTML of the last mail."""
    plain, html = (smtp.mails[-1].get_body([kind]) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_a_person_reads_what_happened_and_can_open_it(smtp: FakeSmtp) -> None:
    outcome = send(message(sites=14), TARGET)
    assert outcome == Outcome(Verdict.DELIVERED, 250, "The mail server accepted it.")
    assert smtp.recipients == ["alerts@vendor.example"]
    mail = smtp.mails[0]
    assert (mail["Subject"], mail["To"]) == ("[critical] Trattoria Roma is offline", "alerts@vendor.example")
    assert mail["From"] == "Portcullis <licenses@vendor.example>"
    text, html = parts(smtp)
    assert text == (
        "Critical: Trattoria Roma is offline\n\n"
        "No heartbeat for 8 hours (expected every 6 hours).\n\n"
        "Opened: 2026-06-01 12:00 UTC\n"
        "Sites: 14\n\n"
        f"{PANEL_URL}\n\n"
        "-- \nPortcullis sent this mail for the channel On call. Replies are not read.\n"
    )
    for word in ("Critical", "Trattoria Roma is offline", "expected every 6 hours", "2026-06-01 12:00 UTC", PANEL_URL):
        assert word in html


def test_the_html_loads_nothing(smtp: FakeSmtp) -> None:
    for each in (message(), message_of_test(), summary(20)):
        send(each, TARGET)
        _, html = parts(smtp)
        assert not re.search(r"<img|<link|<script|url\(|@import|\bsrc=", html)
        assert set(re.findall(r"https?://[^\"'\s<]+", html)) <= {PANEL_URL}


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("incident.reminded", "[critical, still open] Trattoria Roma is offline"),
        ("incident.acknowledged", "[acknowledged] Trattoria Roma is offline"),
        ("incident.resolved", "[resolved] Trattoria Roma is offline"),
    ],
)
def test_the_subject_says_what_became_of_it(smtp: FakeSmtp, kind: str, subject: str) -> None:
    send(message(kind), TARGET)
    assert smtp.mails[0]["Subject"] == subject


def test_who_acknowledged_it_and_when_it_ended_is_said(smtp: FakeSmtp) -> None:
    later = {"acknowledged_at": "2026-06-01T13:00:00Z", "resolved_at": "2026-06-01T14:00:00Z"}
    send(message("incident.resolved", acknowledged_by="anna", **later), TARGET)
    for part in parts(smtp):
        assert "2026-06-01 13:00 UTC by anna" in part
        assert "2026-06-01 14:00 UTC" in part


def test_mails_about_one_incident_are_one_thread_and_no_robot_answers(smtp: FakeSmtp) -> None:
    send(message(), TARGET)
    mail = smtp.mails[0]
    assert mail["Message-ID"] == f"<{MESSAGE_ID}@vendor.example>"
    assert mail["References"] == mail["In-Reply-To"] == f"<incident-{incident()['id']}@vendor.example>"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_second_attempt_has_the_same_message_id(smtp: FakeSmtp) -> None:
    send(message(), TARGET)
    send(message(), TARGET)
    assert smtp.mails[0]["Message-ID"] == smtp.mails[1]["Message-ID"]


def test_a_sender_with_an_international_domain_has_an_ascii_message_id(smtp: FakeSmtp, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "licenses@bücher.example"
    send(message(), TARGET)
    assert smtp.mails[0]["Message-ID"] == f"<{MESSAGE_ID}@xn--bcher-kva.example>"


def test_a_name_can_add_no_header_and_no_markup(smtp: FakeSmtp) -> None:
    evil = "Roma\r\nBcc: spy@evil.example\r\n<b onclick=x>&"
    send(message(title=evil, detail=evil), TARGET)
    mail = smtp.mails[0]
    assert mail["Subject"] == "[critical] Roma Bcc: spy@evil.example <b onclick=x>&"
    assert mail["Bcc"] is None
    assert smtp.recipients == ["alerts@vendor.example"]
    text, html = parts(smtp)
    assert "<b onclick" not in html
    assert "<b onclick=x>&" in text


def test_a_subject_beyond_ascii_arrives(smtp: FakeSmtp) -> None:
    send(message(title="Crêperie «Nîmes» ist offline 🔴"), TARGET)
    assert smtp.mails[0]["Subject"].strip() == "[critical] Crêperie «Nîmes» ist offline 🔴"


def test_a_test_says_that_nothing_happened(smtp: FakeSmtp) -> None:
    assert send(message_of_test(), TARGET).verdict == Verdict.DELIVERED
    assert smtp.mails[0]["Subject"] == "[test] Portcullis can send mails to this address"
    assert smtp.mails[0]["References"] is None
    assert all("Nothing has happened." in part for part in parts(smtp))


def test_a_summary_lists_15_incidents(smtp: FakeSmtp) -> None:
    send(summary(1_200), TARGET)
    assert smtp.mails[0]["Subject"] == "[summary] 1,200 messages about 1,200 incidents"
    for part in parts(smtp):
        assert re.findall(r"Site (\d+) is offline", part) == [str(number) for number in range(1, 16)]
        assert "and 1,185 more" in part


def test_a_short_summary_has_no_rest(smtp: FakeSmtp) -> None:
    send(summary(15), TARGET)
    assert all("more" not in part for part in parts(smtp))


# Failures

REFUSALS = [
    ("mail", "451 4.3.0 Try later", Verdict.RETRY),
    ("rcpt", "450 4.2.0 Greylisted", Verdict.RETRY),
    ("data", "452 4.3.1 Disk full", Verdict.RETRY),
    ("mail", "530 5.7.0 Authentication required", Verdict.RETRY),
    ("rcpt", "550 5.1.1 No such user", Verdict.FAILED),
    ("rcpt", "551 5.7.1 User not local", Verdict.FAILED),
    ("rcpt", "553 5.1.3 Bad mailbox", Verdict.FAILED),
    ("data", "554 5.7.1 Rejected as spam", Verdict.FAILED),
]


@pytest.mark.parametrize(("step", "answer", "verdict"), REFUSALS, ids=[answer for _, answer, _ in REFUSALS])
def test_a_refusal_is_permanent_from_500_on(smtp: FakeSmtp, step: str, answer: str, verdict: Verdict) -> None:
    smtp.refuse(step, answer)
    code, _, text = answer.partition(" ")
    assert send(message(), TARGET) == Outcome(verdict, int(code), f"The mail server answered {code}: {text}")
    assert smtp.mails == []


def test_the_next_attempt_succeeds_after_a_temporary_refusal(smtp: FakeSmtp) -> None:
    smtp.refuse("rcpt", "450 4.2.0 Greylisted")
    send(message(), TARGET)
    smtp.refusals.clear()
    assert send(message(), TARGET).verdict == Verdict.DELIVERED


@pytest.mark.parametrize("step", ["ehlo", "mail", "rcpt", "data"])
def test_a_mail_server_that_hangs_is_left(smtp: FakeSmtp, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_transport, "TIMEOUT_SECONDS", 0.3)
    smtp.hang(step)
    outcome = send(message(), TARGET)
    assert (outcome.verdict, outcome.status) == (Verdict.RETRY, None)


BROKEN = {"silent": hang, "closing": close, "resetting": reset, "greeting and closing": garbage, "of HTTP": Reply(200)}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
def test_a_broken_mail_server_is_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour
) -> None:
    monkeypatch.setattr(mail_transport, "TIMEOUT_SECONDS", 0.5)
    with FakeHttp(behaviour, speaks_first=True) as service:
        use(settings, service.port)
        outcome = send(message(), TARGET)
    assert service.connections == 1
    assert (outcome.verdict, outcome.status) == (Verdict.RETRY, None)
    assert outcome.detail


def test_a_closed_port_is_tried_again(settings: Any) -> None:
    use(settings, closed_port())
    assert send(message(), TARGET) == Outcome(Verdict.RETRY, None, "The connection was refused.")


def test_without_a_mail_server_it_fails(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    assert send(message(), TARGET) == Outcome(Verdict.RETRY, None, "No mail server is configured: set EMAIL_HOST.")


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path, settings: Any) -> None:
    with FakeSmtp(certificate=write_certificate(tmp_path, "127.0.0.1")) as service:
        use(settings, service.port)
        settings.EMAIL_USE_TLS = True
        outcome = send(message(), TARGET)
    assert outcome.verdict == Verdict.RETRY
    assert "self-signed certificate" in outcome.detail
    assert service.mails == []


def test_starttls_with_a_trusted_certificate_succeeds(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write_certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FakeSmtp(certificate=certificate) as service:
        use(settings, service.port)
        settings.EMAIL_USE_TLS = True
        assert send(message(), TARGET).verdict == Verdict.DELIVERED


def test_a_mail_server_without_starttls_gets_nothing(smtp: FakeSmtp, settings: Any) -> None:
    settings.EMAIL_USE_TLS = True
    outcome = send(message(), TARGET)
    assert outcome.verdict == Verdict.RETRY
    assert "STARTTLS" in outcome.detail
    assert smtp.mails == []


@pytest.mark.parametrize(("password", "verdict"), [("secret", Verdict.DELIVERED), ("wrong-secret", Verdict.RETRY)])
def test_the_mail_server_may_want_a_password(settings: Any, password: str, verdict: Verdict) -> None:
    with FakeSmtp(user="portcullis", password="secret") as service:
        use(settings, service.port)
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portcullis", password
        outcome = send(message(), TARGET)
    assert outcome.verdict == verdict
    assert "secret" not in outcome.detail
    assert set(service.logins) == {"portcullis"}
