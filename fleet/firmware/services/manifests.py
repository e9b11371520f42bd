"""The signed manifest of a firmware: what a device checks the file by."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from audit.actors import SYSTEM
from audit.services import record_event
from fleet.firmware.errors import FirmwareFileMissing
from fleet.firmware.events import FirmwareAction, firmware_subject
from fleet.firmware.files.stored import pieces, stored_files
from fleet.firmware.models import Firmware
from licensing.documents import SignedDocument, release_key, sign_document
from licensing.models import SigningKey

MANIFEST_TYPE = "portcullis-firmware+jwt"
CLAIMS = ("product", "version", "sha256", "size", "hardware", "min_from")

log = logging.getLogger("portcullis.firmware")


def signed_manifest(firmware: Firmware, *, at: datetime) -> SignedDocument | None:
    """None without a signing key. In the transaction that stores it."""
    claims: dict[str, Any] = {name: getattr(firmware, name) for name in CLAIMS}
    return sign_document(MANIFEST_TYPE, claims, at=at)


def release_key_of(firmware: Firmware) -> None:
    """Let the key of a manifest that cannot be downloaded any more leave the public set, unless another one needs it."""
    kid = firmware.signed_by_id
    if kid is not None:
        is_needed: Callable[[], bool] = Firmware.objects.available().filter(signed_by=kid).exists
        release_key(kid, is_needed=is_needed)


def sign_firmware(*, at: datetime) -> int | None:
    """Sign the manifests that have none, or one by a key that has left the public set. A job. Returns how many.

    The file is read before: what somebody has changed in the storage or in the database gets no signature. Such a firmware
    is logged and left as it is.
    """
    if not SigningKey.objects.signing().exists():
        return None
    listed = SigningKey.objects.listed(at=at)
    unsigned = Firmware.objects.available().filter(Q(signed_by=None) | ~Q(signed_by__in=listed))
    return sum(sign_again(firmware, at=at) for firmware in unsigned.order_by("created_at", "id")) or None


def sign_again(found: Firmware, *, at: datetime) -> bool:
    try:
        is_intact = sha256_in_storage(found) == found.sha256
    except FirmwareFileMissing:
        is_intact = False
    if not is_intact:
        log.error("the file of %s (%s) is not the one that was uploaded, so that it is not signed", found, found.pk)
        return False
    with transaction.atomic():
        firmware = Firmware.objects.available().select_for_update(no_key=True).filter(pk=found.pk).first()
        if firmware is None or firmware.signed_by_id != found.signed_by_id:
            return False
        manifest = signed_manifest(firmware, at=at)
        if manifest is None:
            return False
        before, firmware.signed_by_id, firmware.manifest = firmware.signed_by_id, manifest.kid, manifest.jws
        firmware.revision += 1
        firmware.save(update_fields=["manifest", "signed_by", "revision"])
        changes = {"signed_by": (before, manifest.kid)}
        record_event(FirmwareAction.SIGNED, subject=firmware_subject(firmware), by=SYSTEM, at=at, changes=changes)
    return True


def sha256_in_storage(firmware: Firmware) -> str:
    """Of as many bytes as the firmware has. Raises FirmwareFileMissing, FirmwareStorageUnavailable."""
    part = stored_files().open(firmware.file_name, start=0, stop=firmware.size)
    digest = hashlib.sha256()
    try:
        for piece in pieces(part):
            digest.update(piece)
    finally:
        part.close()
    return digest.hexdigest()
