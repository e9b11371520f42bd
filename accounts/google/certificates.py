"""The public keys with which Google signs ID tokens, cached in each process as the headers of Google's answer say.

They are kept in the memory of the process and not in a shared cache: what can write such a cache could sign people in.
"""

import logging
import re
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from django.conf import settings
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from accounts.errors import GoogleUnavailable, InvalidCredentials
from accounts.google.answers import ask_google

# All in seconds.
USUAL_LIFETIME = 300.0  # if the answer says nothing
LONGEST_LIFETIME = 86_400.0
# While Google does not answer, the last keys are used so long after their end. Google replaces its keys every few weeks.
KEPT_WITHOUT_GOOGLE = 7 * 86_400.0
UNKNOWN_KEY_PAUSE = 60.0
FAILURE_PAUSE = 10.0
# Longer than a request to Google takes.
LONGEST_WAIT = 5.0
MIN_KEY_BITS = 2048

log = logging.getLogger("portcullis.accounts")


class Certificates:
    """Google's keys by their ids. Several threads may use it; one at a time asks Google, while the others use what is there."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self.keys: Mapping[str, PyJWK] = {}
        self.fresh_until = self.failed_until = self.unknown_until = float("-inf")

    def find(self, key_id: str) -> PyJWK:
        """The key of that id. Raises InvalidCredentials if Google has none, and GoogleUnavailable if that cannot be known."""
        key = self.keys.get(key_id)
        if key is not None and monotonic() < self.fresh_until:
            return key
        # Those who have a key do not wait for the thread that asks Google.
        is_usable = key is not None and monotonic() < self.fresh_until + KEPT_WITHOUT_GOOGLE
        if self.lock.acquire(timeout=0 if is_usable else LONGEST_WAIT):
            try:
                self.refresh_if_due(key_id)
            finally:
                self.lock.release()
        now, key = monotonic(), self.keys.get(key_id)
        if key is not None and now < self.fresh_until + KEPT_WITHOUT_GOOGLE:
            return key
        if now < self.failed_until or now >= self.fresh_until:
            raise GoogleUnavailable
        raise InvalidCredentials

    def refresh_if_due(self, key_id: str) -> None:
        """Ask Google if the keys are no longer fresh, or, once in UNKNOWN_KEY_PAUSE, for an id that is not among them."""
        now = monotonic()
        if now < self.failed_until:
            return
        if now < self.fresh_until:
            if key_id in self.keys or now < self.unknown_until:
                return
            self.unknown_until = now + UNKNOWN_KEY_PAUSE
        try:
            answer = ask_google("GET", settings.GOOGLE_CERTS_URL)
            keys = read_keys(answer.content) if answer.status == 200 else {}
        except GoogleUnavailable:
            keys = {}
        if not keys:
            log.warning("Google's certificates cannot be had from %s", settings.GOOGLE_CERTS_URL)
            self.failed_until = monotonic() + FAILURE_PAUSE
            return
        self.keys, self.fresh_until = keys, now + lifetime(answer.headers)


def read_keys(key_set: Mapping[str, Any]) -> dict[str, PyJWK]:
    """The RSA keys for signatures of a JWK set (RFC 7517) by their ids; others are left out."""
    listed = key_set.get("keys")
    keys = {}
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        try:
            key = PyJWK(entry, algorithm="RS256")
        except (PyJWTError, ValueError, TypeError):
            log.warning("Google's certificates have a key that cannot be read")
            continue
        if isinstance(key.key_id, str) and key.key.key_size >= MIN_KEY_BITS:
            keys[key.key_id] = key
    return keys


def lifetime(headers: Mapping[str, str]) -> float:
    """Seconds for which the answer may be used (RFC 9111): `max-age` less the `Age` that it has already."""
    directives = headers.get("Cache-Control", "").lower()
    if re.search(r"\bno-(store|cache)\b", directives):
        return 0.0
    max_age, age = re.search(r"\bmax-age=(\d{1,9})\b", directives), re.fullmatch(r"\d{1,9}", headers.get("Age", "0"))
    if max_age is None:
        return USUAL_LIFETIME
    return min(max(float(max_age[1]) - float(age[0] if age else 0), 0.0), LONGEST_LIFETIME)


certificates = Certificates()
