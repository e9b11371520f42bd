"""A private half is sealed under a secret that is not in the database, and readable nowhere else."""

import base64
import io
import json
import logging
import pprint
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as configured
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory
from django.views.debug import ExceptionReporter, get_default_exception_reporter_filter

from audit.actors import COMMAND
from audit.models import Event
from conftest import Clock
from licensing import key_file, sealing
from licensing.errors import KeyFileInvalid, SigningKeyUnavailable
from licensing.jws import public_x, thumbprint
from licensing.leases import lease_for
from licensing.models import SigningKey
from licensing.private_keys import private_half, signer
from licensing.services import activate_signing_key, create_signing_key, random_private_half
from licensing.tests import verifier
from licensing.tests.test_leases import FACTS, RFC_D
from scripts.with_services import postgresql_bin

OLD, NEW = "old " + "0123456789abcdef" * 3, "new " + "0123456789abcdef" * 3
PRIVATE, KID, OTHER = b"p" * 32, "K" * 43, "L" * 43


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    signer.cache_clear()


def forms_of(private: bytes) -> list[bytes]:
    """How it could be written: raw, in hexadecimal, in base64, as Python shows it."""
    plain = base64.b64encode(private).rstrip(b"=")
    return [
        private,
        private.hex().encode(),
        plain,
        plain.translate(bytes.maketrans(b"+/", b"-_")),
        repr(private).encode(),
    ]


def test_only_its_own_key_opens_it() -> None:
    content = sealing.sealed(PRIVATE, kid=KID)
    assert sealing.opened(content, kid=KID) == PRIVATE
    assert PRIVATE not in content
    assert sealing.sealed(PRIVATE, kid=KID) != content
    with pytest.raises(sealing.OpeningFailed):
        sealing.opened(content, kid=OTHER)


@pytest.mark.parametrize("place", [0, 12, -1])
def test_what_was_altered_is_refused(place: int) -> None:
    content = bytearray(sealing.sealed(PRIVATE, kid=KID))
    content[place] ^= 1
    with pytest.raises(sealing.OpeningFailed):
        sealing.opened(bytes(content), kid=KID)


@pytest.mark.parametrize("content", [b"", b"x" * 12, b"x" * 60])
def test_what_was_never_sealed_is_refused(content: bytes) -> None:
    with pytest.raises(sealing.OpeningFailed):
        sealing.opened(content, kid=KID)


def test_a_former_secret_still_opens_and_the_activation_seals_under_the_new_one(
    db: None, clock: Clock, settings: Any
) -> None:
    settings.LEASE_KEY_SECRETS = [OLD]
    first, second, third = (create_signing_key(by=COMMAND, at=clock()) for _ in range(3))
    settings.LEASE_KEY_SECRETS = [NEW, OLD]
    assert lease_for(first.kid, **FACTS)
    activate_signing_key(second.kid, by=COMMAND, at=clock(), now=True)
    settings.LEASE_KEY_SECRETS = [NEW]
    signer.cache_clear()
    assert lease_for(second.kid, **FACTS)
    activate_signing_key(third.kid, by=COMMAND, at=clock(), now=True)
    assert lease_for(third.kid, **FACTS), "a key that stayed published is sealed again too"


def test_without_its_secret_a_key_signs_nothing_and_the_error_says_what_may_have_changed(
    db: None, clock: Clock, settings: Any
) -> None:
    settings.LEASE_KEY_SECRETS = [OLD]
    key = create_signing_key(by=COMMAND, at=clock())
    settings.LEASE_KEY_SECRETS = [NEW]
    with pytest.raises(SigningKeyUnavailable, match="has LEASE_KEY_SECRET"):
        lease_for(key.kid, **FACTS)


def test_it_is_in_no_row_no_event_no_log_and_no_output(
    db: None, clock: Clock, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    output = io.StringIO()
    for _ in range(2):
        call_command("create_signing_key", "--json", stdout=output)
    key = SigningKey.objects.signing().get()
    private = private_half(key)
    lease_for(key.kid, **FACTS)
    call_command("list_signing_keys", "--json", stdout=output)
    shown = [
        output.getvalue(),
        caplog.text,
        *capsys.readouterr(),
        serializers.serialize("json", [*SigningKey.objects.all(), *Event.objects.all()]),
        pprint.pformat([vars(row) for row in SigningKey.objects.all()]),
        repr(signer(key.kid)) + str(key) + repr(key),
        repr(configured.LEASE_KEY_SECRETS),
        json.dumps([str(query) for query in connection.queries]),
    ]
    for text in shown:
        assert not [form for form in forms_of(private) if form in text.encode()]


def error_page(caught: pytest.ExceptionInfo[BaseException]) -> str:
    """Django's report, with the variables of each frame but this test's own."""
    reporter = ExceptionReporter(RequestFactory().get("/"), caught.type, caught.value, caught.tb.tb_next)
    return reporter.get_traceback_html() + reporter.get_traceback_text()


def test_a_report_of_a_failed_creation_shows_no_private_half(
    db: None, clock: Clock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_KEY_SECRETS = []
    monkeypatch.setattr("os.urandom", lambda length: PRIVATE[:length])
    with pytest.raises(IndexError) as caught:
        create_signing_key(by=COMMAND, at=clock())
    page = error_page(caught)
    assert "new_private_half" in page
    assert not [form for form in forms_of(PRIVATE) if form.decode() in page]


def test_a_report_of_a_key_file_that_is_invalid_shows_nothing_of_it(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_KEY_FILE = tmp_path / "keys.json"
    settings.LEASE_KEY_FILE.write_text(json.dumps({"keys": [{"d": RFC_D}, {"d": "short"}]}))
    settings.LEASE_KEY_FILE.chmod(0o600)
    with pytest.raises(KeyFileInvalid) as caught:
        key_file.private_keys()
    page = error_page(caught)
    assert "key_file.py" in page
    assert not [form for form in forms_of(verifier.decoded(RFC_D)) if form.decode("latin-1") in page]


def test_a_report_shows_no_secret_of_the_settings(settings: Any) -> None:
    shown = get_default_exception_reporter_filter().get_safe_settings()
    assert {shown["LEASE_KEY_SECRETS"], shown["LEASE_KEY_FILE"]} == {"********************"}


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs pg_dump")
def test_a_dump_has_no_private_half(transactional_db: None, clock: Clock) -> None:
    key = create_signing_key(by=COMMAND, at=clock())
    private = private_half(key)
    options = connection.get_connection_params()
    environment = {"PGPASSWORD": str(options.get("password", ""))}
    target = [f"--host={options['host']}", f"--port={options['port']}", f"--username={options['user']}"]
    command = [postgresql_bin() / "pg_dump", "--inserts", *target, str(options["dbname"])]
    dump = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    assert key.kid.encode() in dump
    assert not [form for form in forms_of(private) if form in dump]


def test_the_id_of_a_new_key_does_not_begin_with_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [number.to_bytes(32, "big") for number in range(200)]
    with_dash = next(private for private in candidates if kid_of(private).startswith("-"))
    without = next(private for private in candidates if not kid_of(private).startswith("-"))
    drawn = [with_dash, without]
    monkeypatch.setattr("os.urandom", lambda length: drawn.pop(0)[:length])
    assert random_private_half() == without
    assert drawn == []


def kid_of(private: bytes) -> str:
    return thumbprint(public_x(Ed25519PrivateKey.from_private_bytes(private)))
