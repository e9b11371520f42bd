"""Fakes of what is outside, and their settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.transports import http
from tests.fake_services.certificates import write_certificate
from tests.fake_services.http import FakeHttp
from tests.fake_services.names import FakeNames, install_names


@pytest.fixture(autouse=True)
def _alert_settings(settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True
    settings.PAGERDUTY_EVENTS_URL = "http://127.0.0.1:9/v2/enqueue"


@pytest.fixture
def service() -> Iterator[FakeHttp]:
    """A server that answers 200 until a test scripts it."""
    with FakeHttp() as running:
        yield running


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNames]:
    installed = install_names(monkeypatch)
    yield installed
    installed.over.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of hooks.example.com, signed by itself."""
    return write_certificate(tmp_path, "hooks.example.com")


@pytest.fixture
def trusted_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, and the transports trust it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http.tls_context.cache_clear()
    yield certificate
    http.tls_context.cache_clear()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines so short that a test can wait for them."""
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.6)
