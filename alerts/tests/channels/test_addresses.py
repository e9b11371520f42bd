"""What a channel's address may be, and how it is shown."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from alerts.channels.addresses import clean_address, shortened
from tests.fake_services.names import FakeNames, install_names

pytestmark = pytest.mark.any_database
PUBLIC = "93.184.215.14"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeNames:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = False
    installed = install_names(monkeypatch)
    for name in ("hooks.example.com", "hooks.slack.com", "xn--bcher-kva.example", "my_host.example.com"):
        installed.set(name, [PUBLIC])
    installed.set("internal.example.com", ["10.0.0.7"])
    installed.set("both.example.com", [PUBLIC, "fd00::7"])
    installed.set("localhost", ["127.0.0.1"])
    return installed


URLS = {
    "https://hooks.example.com/a?b=c": "https://hooks.example.com/a?b=c",
    " https://hooks.example.com/a ": "https://hooks.example.com/a",
    "http://hooks.example.com": "http://hooks.example.com",
    "HTTPS://Hooks.Example.COM/A": "https://hooks.example.com/A",
    "https://hooks.example.com:443/": "https://hooks.example.com/",
    "https://hooks.example.com:8443/?": "https://hooks.example.com:8443/?",
    "https://bücher.example/ok": "https://xn--bcher-kva.example/ok",
    "https://my_host.example.com/": "https://my_host.example.com/",
    f"http://{PUBLIC}:9000/x": f"http://{PUBLIC}:9000/x",
    "http://[2606:4700:0::1111]/x": "http://[2606:4700::1111]/x",
}


@pytest.mark.parametrize("kind", ["webhook", "slack"])
@pytest.mark.parametrize(("given", "stored"), URLS.items())
def test_a_url_is_stored_in_one_way(kind: str, given: str, stored: str) -> None:
    assert clean_address(kind, given) == stored


WRONG_URLS = {
    "": "blank",
    "hooks.example.com": "https:// or http://",
    "ftp://hooks.example.com/": "https:// or http://",
    "file:///etc/passwd": "https:// or http://",
    "https://": "https:// or http://",
    "https:///path": "https:// or http://",
    "https://anna@hooks.example.com/": "user name",
    "https://anna:secret@hooks.example.com/": "user name",
    "https://@hooks.example.com/": "user name",
    "https://hooks.example.com/#part": "fragment",
    "https://hooks.example.com/#": "fragment",
    "https://hooks.example.com:0/": "port",
    "https://hooks.example.com:65536/": "valid URL",
    "https://hooks.example.com:http/": "valid URL",
    "https://[::1/": "valid URL",
    "https://[fe80::1%25eth0]/": "not a valid name",
    "https://-hooks.example.com/": "not a valid name",
    "https://hooks..example.com/": "not a valid name",
    f"https://{'a' * 64}.example.com/": "not a valid name",
    f"https://{'a.' * 127}example/": "not a valid name",
    "https://hooks.example.com/a b": "no spaces",
    "https://hooks.example.com\\@127.0.0.1/": "backslashes",
    "https://hooks.example.com/a\nb": "Control characters",
    "https://hooks.example.com/ü": "percent-encode",
    f"https://hooks.example.com/{'a' * 2000}": "2000 characters",
    "https://internal.example.com/": "not public",
    "https://both.example.com/": "not public",
    "http://localhost:8000/": "not public",
    "http://127.0.0.1/": "not public",
    "http://127.1/": "not public",
    "http://2130706433/": "not public",
    "http://0x7f.0.0.1/": "not public",
    "http://１２７.0.0.1/": "not public",
    "http://169.254.169.254/latest/meta-data": "not public",
    "http://[::1]/": "not public",
    "http://[::ffff:169.254.169.254]/": "not public",
    "http://[fd00::1]/": "not public",
}


@pytest.mark.parametrize("kind", ["webhook", "slack"])
@pytest.mark.parametrize(("given", "said"), WRONG_URLS.items())
def test_a_wrong_url_is_refused_with_a_reason(kind: str, given: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        clean_address(kind, given)
    assert said in refused.value.messages[0]


@pytest.mark.parametrize("value", [None, 5, ["https://hooks.example.com/"], b"https://hooks.example.com/"])
@pytest.mark.parametrize("kind", ["email", "slack", "pagerduty", "webhook"])
def test_only_a_text_is_an_address(kind: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        clean_address(kind, value)


def test_private_addresses_may_be_allowed(settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True
    assert clean_address("webhook", "http://127.0.0.1:9000/x") == "http://127.0.0.1:9000/x"
    assert clean_address("webhook", "http://internal.example.com/x") == "http://internal.example.com/x"


def test_a_name_that_cannot_be_resolved_now_is_accepted() -> None:
    assert clean_address("webhook", "https://unknown.example.com/x") == "https://unknown.example.com/x"


@pytest.mark.parametrize(
    "key", ["0123456789abcdef0123456789ABCDEF", " 0123456789abcdef0123456789abcdef ", "a-key_of-ours"]
)
def test_a_routing_key_has_letters_digits_and_dashes(key: str) -> None:
    assert clean_address("pagerduty", key) == key.strip()


@pytest.mark.parametrize("key", ["0123456", "0" * 129, "é" * 32, "two words", "https://events.pagerduty.com/", ""])
def test_anything_else_is_no_routing_key(key: str) -> None:
    with pytest.raises(ValidationError):
        clean_address("pagerduty", key)


def test_an_email_address_is_checked() -> None:
    assert clean_address("email", " alerts@vendor.example ") == "alerts@vendor.example"
    for wrong in ("alerts", "a@b@c.example", "a@vendor.example\nBcc: b@vendor.example", f"{'a' * 250}@vendor.example"):
        with pytest.raises(ValidationError):
            clean_address("email", wrong)


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("email", "alerts@vendor.example", "alerts@vendor.example"),
        ("webhook", "https://hooks.example.com/portcullis", "https://hooks.example.com/portcullis"),
        ("webhook", "https://hooks.example.com/in?token=secret", "https://hooks.example.com/in?…"),
        ("slack", "https://hooks.slack.com/services/T0001/B0002/abcdefghWXYZ", "https://hooks.slack.com/…WXYZ"),
        ("slack", "http://127.0.0.1:9000/slack", "http://127.0.0.1:9000/…"),
        ("pagerduty", "0123456789abcdef0123456789abcdef", "…cdef"),
        ("pagerduty", "short-key", "…"),
    ],
)
def test_secret_parts_are_not_shown(kind: str, address: str, shown: str) -> None:
    assert shortened(kind, address) == shown
