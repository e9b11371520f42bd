"""The agent's settings: keywords, the environment, or what `portcullis-agent enrol` stored in the state folder."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import SettingsError, StateError
from portcullis_agent.state import StateFolder, replace_durably

DEFAULT_STATE_DIR = "/var/lib/portcullis-agent"
CREDENTIALS_FILE = "credentials.json"
LONGEST_VERSION = 64


@dataclass(frozen=True)
class Settings:
    """`url` is the control plane's address without `/api`; `pin` is the `kid` of the only key to trust at first."""

    url: str
    site_id: str
    site_key: str = field(repr=False)
    state_dir: Path
    version: str = "unknown"
    pin: str | None = None
    issuer: str = "portcullis"
    grace_days: float = 7
    allow_http: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_dir", Path(self.state_dir))
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "site_id", self.site_id.strip().lower())
        # What the server would refuse must not cost a site its lease.
        printable = "".join(character for character in self.version if character.isprintable())
        object.__setattr__(self, "version", printable[:LONGEST_VERSION] or "unknown")
        if self.url:
            check_url(self.url, allow_http=self.allow_http)
        if not (self.site_key.isascii() and self.site_key.isprintable()):
            raise SettingsError("The site key has characters that no key has.")

    @classmethod
    def load(
        cls,
        state_dir: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        for_reading: bool = False,
    ) -> Settings:
        """Read PORTCULLIS_URL, _SITE_ID, _SITE_KEY and _STATE (or NAME_FILE); what is not set comes from `enrol`.

        SettingsError says what is missing. `for_reading` needs the state folder only.
        """
        environ = os.environ if environ is None else environ
        folder = Path(state_dir or environ.get("PORTCULLIS_STATE") or DEFAULT_STATE_DIR)
        names = ("url", "site_id", "site_key")
        values = {name: from_environment(f"PORTCULLIS_{name.upper()}", environ) for name in names}
        stored = read_credentials(folder)
        values = {name: values[name] or stored.get(name, "") for name in names}
        issuer = environ.get("PORTCULLIS_ISSUER") or stored.get("issuer") or "portcullis"
        if for_reading:
            values = {"url": "", "site_id": values["site_id"] or _stored_site_id(folder), "site_key": ""}
            if not values["site_id"]:
                raise SettingsError(f"{folder} has no state: run 'portcullis-agent enrol', or name another folder.")
        missing = [f"PORTCULLIS_{name.upper()}" for name, value in values.items() if not value]
        if missing and not for_reading:
            raise SettingsError(f"Missing: {', '.join(missing)}. Set them, or run 'portcullis-agent enrol'.")
        allow_http = environ.get("PORTCULLIS_ALLOW_HTTP") == "true"
        url, site_id, site_key = values["url"], values["site_id"], values["site_key"]
        version = environ.get("PORTCULLIS_VERSION", "")
        return cls(url, site_id, site_key, folder, version=version, issuer=issuer, allow_http=allow_http)


def check_url(url: str, *, allow_http: bool) -> None:
    """SettingsError if it is no address of a control plane, or has no encryption and is not this machine's."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"{url!r} is not an address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{url!r} is not an address like https://licenses.example.com.")
    if parts.scheme == "http" and not (allow_http or is_loopback(host)):
        raise SettingsError(f"{url} has no encryption: use https://, or set allow_http for a test.")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def from_environment(name: str, environ: Mapping[str, str]) -> str:
    """The value of a setting, or the content of the file that NAME_FILE names; "" if neither is set. SettingsError."""
    value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and file:
        raise SettingsError(f"Both {name} and {name}_FILE are set: use one.")
    if not file:
        return value.strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE names {file}, which cannot be read.") from error


def _stored_site_id(folder: Path) -> str:
    try:
        states = StateFolder(folder).read()
    except StateError:
        return ""
    return states[0].site_id if states else ""


def read_credentials(folder: Path) -> dict[str, str]:
    """What `enrol` stored, or nothing; SettingsError if the file is there and cannot be read."""
    file = folder / CREDENTIALS_FILE
    try:
        stored = decode_object(file.read_bytes())
    except FileNotFoundError:
        return {}
    except PermissionError:
        return {}  # a reader of the state does not need it; a writer is told what is missing
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read.") from error
    return {name: value for name, value in stored.items() if isinstance(value, str)}


def store_credentials(settings: Settings) -> None:
    """Keep address, site and key in the state folder, readable by its owner only; SettingsError."""
    content = {"url": settings.url, "site_id": settings.site_id, "site_key": settings.site_key}
    content["issuer"] = settings.issuer
    write_credentials(settings.state_dir, content)


def write_credentials(folder: Path, content: Mapping[str, str]) -> None:
    """Replace what `read_credentials` reads; SettingsError."""
    file = folder / CREDENTIALS_FILE
    try:
        replace_durably(file, json.dumps(content, indent=1).encode("ascii") + b"\n")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}.") from error
