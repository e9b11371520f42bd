"""Settings of the sign-in with Google."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import environment as env


def client_ids() -> list[str]:
    """GOOGLE_CLIENT_IDS: those whose ID tokens are accepted. The panel uses the first. Empty: no sign-in with Google."""
    ids = env.words("GOOGLE_CLIENT_IDS")
    if not all(re.fullmatch(r"[\x21-\x7e]+", one) for one in ids):
        raise ImproperlyConfigured("GOOGLE_CLIENT_IDS takes client ids, such as 123-abc.apps.googleusercontent.com.")
    return ids


def client_secret() -> str:
    """GOOGLE_CLIENT_SECRET: of the first client id. Without it the panel has no sign-in with Google."""
    secret = env.text("GOOGLE_CLIENT_SECRET", "")
    if secret and not client_ids():
        raise ImproperlyConfigured("GOOGLE_CLIENT_SECRET belongs to a client id: set GOOGLE_CLIENT_IDS, too.")
    return secret


def hosted_domain() -> str:
    """GOOGLE_HOSTED_DOMAIN: the Google Workspace whose accounts are accepted; empty for all Google accounts."""
    domain = env.text("GOOGLE_HOSTED_DOMAIN", "").lower()
    if not re.fullmatch(r"([a-z0-9-]+(\.[a-z0-9-]+)+)?", domain):
        raise ImproperlyConfigured("GOOGLE_HOSTED_DOMAIN must look like example.com.")
    return domain


def google_urls() -> tuple[str, str, str]:
    """GOOGLE_CERTS_URL, GOOGLE_AUTH_URL and GOOGLE_TOKEN_URL."""
    urls = {
        "GOOGLE_CERTS_URL": env.text("GOOGLE_CERTS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        "GOOGLE_AUTH_URL": env.text("GOOGLE_AUTH_URL", "https://accounts.google.com/o/oauth2/v2/auth"),
        "GOOGLE_TOKEN_URL": env.text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token"),
    }
    for name, url in urls.items():
        parts = urlsplit(url)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ImproperlyConfigured(f"{name} must look like https://accounts.example.com/path.")
    certs, auth, token = urls.values()
    return certs, auth, token
