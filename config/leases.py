"""The settings of leases: where private keys lie, and what a lease tells the site."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

STOPS = ["locked", "expired", "lapsed"]


def key_secrets(derived: str, *, debug: bool) -> list[str]:
    """LEASE_KEY_SECRET: private keys are sealed under the first; the others only open what was sealed under them before.

    The last one is derived from SECRET_KEY, so that a server that gets its first LEASE_KEY_SECRET still opens its keys.
    """
    secrets = [*env.words("LEASE_KEY_SECRET"), derived]
    if not debug and any(map(env.is_weak, secrets)):
        raise ImproperlyConfigured("LEASE_KEY_SECRET is too weak: set at least 32 random characters, or leave it out.")
    return secrets


def key_file() -> Path | None:
    """LEASE_KEY_FILE: the path itself, of a file that `licensing.key_file` reads and writes."""
    path = env.text("LEASE_KEY_FILE", "")
    if path and not Path(path).is_absolute():
        raise ImproperlyConfigured("LEASE_KEY_FILE must be an absolute path.")
    return Path(path) if path else None


def stop_on() -> list[str]:
    """LEASE_STOP_ON: the states in which a site must stop, in one order."""
    named = env.words("LEASE_STOP_ON", ",".join(STOPS))
    if not named or set(named) - set(STOPS) or len(set(named)) < len(named):
        raise ImproperlyConfigured(
            "LEASE_STOP_ON takes one or more of locked, expired and lapsed, separated by commas."
        )
    return [stop for stop in STOPS if stop in named]
