"""Codes that a person types: those of an authenticator app, and recovery codes."""

import hmac
import logging
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
from django.conf import settings

from accounts.models import RecoveryCode, TotpDevice
from accounts.two_factor.encryption import DecryptionFailed, decrypt, digests, encrypt

# Without i, l, o and u, which are easily misread; i, l and o are read as 1 and 0 (Crockford's base 32).
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MISREAD = str.maketrans("ilo", "110")
RECOVERY_CODES = 10
RECOVERY_CODE_GROUPS = 3  # of four: 60 random bits
STEPS_EITHER_WAY = 1
# Checked for an admin without an app, so that the time taken does not reveal that there is none.
DUMMY_SECRET = pyotp.random_base32()

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class AppCode:
    """A correct code of an app."""

    device_id: int
    admin_id: int
    step: int
    secret: str = field(repr=False)

    def use_up(self, *, at: datetime) -> bool:
        """False if this code, or a later one, was used before. Of two uses at once one succeeds."""
        unused = TotpDevice.objects.filter(pk=self.device_id, last_step__lt=self.step)
        return bool(unused.update(last_step=self.step, last_used_at=at, **self.reencrypted()))

    def reencrypted(self) -> dict[str, bytes]:
        """The secret under the newest key, if former keys are configured, so that these can be removed later."""
        if len(settings.TWO_FACTOR_KEYS) == 1:
            return {}
        return {"encrypted_secret": encrypt(self.secret, owner=self.admin_id)}


@dataclass(frozen=True)
class FoundRecoveryCode:
    row_id: int

    def use_up(self, *, at: datetime) -> bool:
        return bool(RecoveryCode.objects.filter(pk=self.row_id, used_at=None).update(used_at=at))


Code = AppCode | FoundRecoveryCode


def find_code(admin_id: int, typed: str, *, at: datetime) -> Code | None:
    """The typed code if it is one of this admin's. `use_up` returns whether it can still be used."""
    folded = re.sub(r"[\s-]", "", typed).lower()
    if len(folded) == 6 and folded.isascii() and folded.isdecimal():
        return find_app_code(admin_id, folded, at=at)
    candidates = digests(folded.translate(MISREAD), owner=admin_id)
    rows = RecoveryCode.objects.filter(admin_id=admin_id, digest__in=candidates)
    found = rows.values_list("pk", flat=True).first()
    return None if found is None else FoundRecoveryCode(found)


def find_app_code(admin_id: int, code: str, *, at: datetime) -> AppCode | None:
    device = TotpDevice.objects.filter(admin_id=admin_id).first()
    secret = secret_of(device)
    step = matching_step(secret, code, at=at)
    if device is None or step is None:
        return None
    return AppCode(device.pk, admin_id, step, secret)


def secret_of(device: TotpDevice | None) -> str:
    if device is None:
        return DUMMY_SECRET
    try:
        return decrypt(bytes(device.encrypted_secret), owner=device.admin_id)
    except DecryptionFailed:
        log.error("the second factor of admin %s cannot be decrypted: has TWO_FACTOR_KEY changed?", device.admin_id)
        return DUMMY_SECRET


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The step to which the code belongs: the present one, or one before or after it. All three are always compared."""
    app = pyotp.TOTP(secret)
    now = app.timecode(at)
    steps = range(now - STEPS_EITHER_WAY, now + STEPS_EITHER_WAY + 1)
    matching = [step for step in steps if hmac.compare_digest(app.generate_otp(step), code)]
    return matching[-1] if matching else None


def new_secret() -> str:
    return pyotp.random_base32()


def app_uri(secret: str, username: str, issuer: str) -> str:
    """The content of the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def new_recovery_codes() -> list[str]:
    def group() -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(4))

    return ["-".join(group() for _ in range(RECOVERY_CODE_GROUPS)) for _ in range(RECOVERY_CODES)]
