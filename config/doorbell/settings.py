"""The settings of the doorbell, which the web processes and the doorbell's own read."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

MAX_URL_LENGTH = 2_000


def url() -> str | None:
    """DOORBELL_URL: where sites reach the doorbell, without a query; None if there is none."""
    value = env.text("DOORBELL_URL", "")
    if not value:
        return None
    parts = urlsplit(value)
    is_plain = (
        parts.username is None and not parts.query and not parts.fragment and value.isascii() and value.isprintable()
    )
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain or len(value) > MAX_URL_LENGTH:
        raise ImproperlyConfigured("DOORBELL_URL must look like https://licenses.example.com/doorbell.")
    return value


def listen_url() -> str:
    """DOORBELL_DATABASE_URL: where the doorbell listens for changes, if DATABASE_URL is a pooler; else empty."""
    value = env.text("DOORBELL_DATABASE_URL", "")
    if value and urlsplit(value).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DOORBELL_DATABASE_URL must begin with postgres://.")
    return value
