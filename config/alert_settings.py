"""Settings of mail and alerts that are checked when they are read."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import environment as env


def mail_security() -> str:
    """EMAIL_SECURITY: none, starttls or tls."""
    value = env.text("EMAIL_SECURITY", "none").lower()
    if value not in {"none", "starttls", "tls"}:
        raise ImproperlyConfigured("EMAIL_SECURITY must be none, starttls or tls.")
    return value


def mail_account() -> tuple[str, str]:
    """EMAIL_USER and EMAIL_PASSWORD; both are empty if the mail server asks for neither."""
    user, password = env.text("EMAIL_USER", ""), env.text("EMAIL_PASSWORD", "")
    if bool(user) != bool(password):
        raise ImproperlyConfigured("Set both EMAIL_USER and EMAIL_PASSWORD, or neither.")
    return user, password


def public_url() -> str:
    """PUBLIC_URL: where people reach the panel, without a slash at the end; empty if it is not set."""
    given = env.text("PUBLIC_URL", "")
    value = given.rstrip("/")
    parts = urlsplit(value)
    is_plain = parts.username is None and not parts.query and not parts.fragment
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain):
        raise ImproperlyConfigured("PUBLIC_URL must look like https://licenses.example.com.")
    return value


def pagerduty_events_url() -> str:
    value = env.text("PAGERDUTY_EVENTS_URL", "https://events.pagerduty.com/v2/enqueue")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured("PAGERDUTY_EVENTS_URL must look like https://events.pagerduty.com/v2/enqueue.")
    return value


def channel_secrets(derived: str, *, debug: bool) -> list[str]:
    """ALERT_CHANNEL_SECRET: addresses of channels are sealed under the first; the others only open what was sealed before."""
    secrets = [*env.words("ALERT_CHANNEL_SECRET"), derived]
    if not debug and any(map(env.is_weak, secrets)):
        raise ImproperlyConfigured(
            "ALERT_CHANNEL_SECRET is too weak: set at least 32 random characters, or leave it out."
        )
    return secrets
