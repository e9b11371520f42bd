"""The device's settings: keywords, the environment, or what `portcullis-device enrol` stored in the state folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from portcullis_agent.errors import SettingsError
from portcullis_agent.settings import check_url, from_environment, read_credentials, write_credentials

DEFAULT_STATE_DIR = "/var/lib/portcullis-device"
LONGEST_FIRMWARE_VERSION = 64
QUEUE_BYTES = 16 * 1024 * 1024
BATCH_SIZE = 50
VARIABLES = {
    "url": "PORTCULLIS_URL",
    "id": "PORTCULLIS_DEVICE_ID",
    "device_key": "PORTCULLIS_DEVICE_KEY",
    "role": "PORTCULLIS_ROLE",
    "name": "PORTCULLIS_NAME",
    "hardware": "PORTCULLIS_HARDWARE",
    "product": "PORTCULLIS_PRODUCT",
    "issuer": "PORTCULLIS_ISSUER",
}
STORED = (*VARIABLES, "device_id", "pin")


@dataclass(frozen=True)
class DeviceSettings:
    """`url` is the control plane's address without `/api`; `id` is the UUID that the server gave to this device.

    `device_id`, `role`, `name` and `hardware` are what it is registered as; `product` is whose firmware it runs. `pin` is the
    `kid` of the only key to trust at first. A `key_file` is read again before each heartbeat. `queue_bytes` is the space for
    what the server does not have yet.
    """

    url: str
    state_dir: Path
    id: str = ""
    device_key: str = field(default="", repr=False)
    device_id: str = ""
    role: str = ""
    name: str = ""
    hardware: str = ""
    product: str = ""
    firmware_version: str = ""
    pin: str | None = None
    issuer: str = "portcullis"
    allow_http: bool = False
    allow_downgrade: bool = False
    key_file: Path | None = None
    queue_bytes: int = QUEUE_BYTES
    batch_size: int = BATCH_SIZE
    disk: str = "/"

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_dir", Path(self.state_dir))
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "id", self.id.strip().lower())
        # What the server would refuse must not cost a device its heartbeats.
        printable = "".join(character for character in self.firmware_version if character.isprintable())
        object.__setattr__(self, "firmware_version", printable[:LONGEST_FIRMWARE_VERSION])
        if self.url:
            check_url(self.url, allow_http=self.allow_http)
        if self.id and not _is_uuid(self.id):
            raise SettingsError(
                f"PORTCULLIS_DEVICE_ID {self.id!r} is not the UUID that the server gave to this device."
            )
        if not (self.device_key.isascii() and self.device_key.isprintable()):
            raise SettingsError("The device key has characters that no key has.")
        if self.batch_size < 1 or self.queue_bytes < 64 * 1024:
            raise SettingsError("The queue needs 65536 bytes at least, and a batch one item.")

    @property
    def is_enrolled(self) -> bool:
        return bool(self.id and self.device_key)

    def require_enrolled(self) -> DeviceSettings:
        """These settings; SettingsError if the device has no id and key yet."""
        if not self.is_enrolled:
            raise SettingsError("This device is not enrolled: run 'portcullis-device enrol --code CODE'.")
        return self

    def with_present_key(self) -> DeviceSettings:
        """The settings with what the key file has now; as they are if it cannot be read."""
        if self.key_file is None:
            return self
        try:
            key = self.key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return self
        return replace(self, device_key=key) if key and key.isprintable() and key != self.device_key else self

    @classmethod
    def load(
        cls,
        state_dir: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        **given: str | None,
    ) -> DeviceSettings:
        """Read the environment; what is not set comes from `enrol`. `given` are values that win over both. SettingsError."""
        environ = os.environ if environ is None else environ
        folder = Path(state_dir or environ.get("PORTCULLIS_STATE") or DEFAULT_STATE_DIR)
        stored = read_credentials(folder)
        found = {name: from_environment(variable, environ) for name, variable in VARIABLES.items()}
        values = {name: given.get(name) or found.get(name) or stored.get(name, "") for name in STORED}
        if not values["url"]:
            raise SettingsError("Missing: PORTCULLIS_URL. Set it, or run 'portcullis-device enrol'.")
        key_file = environ.get("PORTCULLIS_DEVICE_KEY_FILE")
        return cls(
            url=values["url"],
            state_dir=folder,
            id=values["id"],
            device_key=values["device_key"],
            device_id=values["device_id"],
            role=values["role"],
            name=values["name"],
            hardware=values["hardware"],
            product=values["product"],
            firmware_version=given.get("firmware_version") or from_environment("PORTCULLIS_FIRMWARE_VERSION", environ),
            pin=values["pin"] or None,
            issuer=values["issuer"] or "portcullis",
            allow_http=_is_true("PORTCULLIS_ALLOW_HTTP", environ),
            allow_downgrade=_is_true("PORTCULLIS_ALLOW_DOWNGRADE", environ),
            key_file=Path(key_file) if key_file else None,
            queue_bytes=_number("PORTCULLIS_QUEUE_BYTES", environ, QUEUE_BYTES),
            batch_size=_number("PORTCULLIS_BATCH_SIZE", environ, BATCH_SIZE),
            disk=environ.get("PORTCULLIS_DISK") or "/",
        )

    def store(self) -> None:
        """Keep what `enrol` learned in the state folder, readable by its owner only; SettingsError."""
        content = {name: getattr(self, name) or "" for name in STORED}
        write_credentials(self.state_dir, {name: str(value) for name, value in content.items()})


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _is_true(name: str, environ: Mapping[str, str]) -> bool:
    return environ.get(name) == "true"


def _number(name: str, environ: Mapping[str, str], default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"{name} {text!r} is not a whole number.")
    return int(text)
