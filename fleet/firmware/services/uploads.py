"""Add a firmware whose file has arrived."""

from datetime import datetime

from django.db import IntegrityError, transaction

from audit.actors import Actor
from audit.services import record_event
from common.errors import DomainError
from fleet.firmware.errors import FirmwareExists, FirmwareInvalid, FirmwareStorageUnavailable
from fleet.firmware.events import FirmwareAction, firmware_subject
from fleet.firmware.files.incoming import IncomingFile
from fleet.firmware.files.stored import stored_files
from fleet.firmware.models import Firmware
from fleet.firmware.prune import prune_firmware_uploads
from fleet.firmware.services.manifests import signed_manifest
from fleet.firmware.validation import checked
from fleet.firmware.versions import precedence_key

RECORDED = ("product", "version", "channel", "hardware", "min_from", "sha256", "size")


def add_firmware(
    incoming: IncomingFile,
    *,
    product: str,
    version: str,
    channel: str,
    by: Actor,
    at: datetime,
    hardware: str | None = None,
    notes: str = "",
    min_from: str | None = None,
) -> Firmware:
    """Store the file, which is finished, and its row. The caller discards `incoming` afterwards, whatever happens.

    Raises FirmwareInvalid, FirmwareExists, FirmwareStorageFull, FirmwareStorageUnavailable. No file is left then.
    """
    prune_firmware_uploads(at=at)
    given = {"product": product, "version": version, "channel": channel}
    values = checked({**given, "hardware": hardware, "notes": notes, "min_from": min_from})
    if not incoming.size:
        raise FirmwareInvalid("The file is empty.", field="file")
    firmware = Firmware(
        **values,
        precedence=precedence_key(values["version"]),
        sha256=incoming.sha256,
        size=incoming.size,
        file_name=incoming.name,
        created_at=at,
        created_by_id=by.admin.pk if by.admin else None,
    )
    if is_there(firmware):
        raise FirmwareExists
    try:
        stored_files().add(incoming.path, incoming.name)
        insert(firmware, by=by, at=at)
    except (IntegrityError, DomainError) as error:
        remove(incoming)
        if isinstance(error, IntegrityError) and is_there(firmware):
            raise FirmwareExists from error
        raise
    except BaseException:
        incoming.leave_to_prune()  # the row may have been committed
        raise
    return firmware


def is_there(firmware: Firmware) -> bool:
    return Firmware.objects.filter(product=firmware.product, version=firmware.version).exists()


def remove(incoming: IncomingFile) -> None:
    """From the storage, at once or, if that does not answer, later."""
    try:
        stored_files().delete(incoming.name)
    except FirmwareStorageUnavailable:
        incoming.leave_to_prune()


@transaction.atomic
def insert(firmware: Firmware, *, by: Actor, at: datetime) -> None:
    # Before the row: it takes a lock that two uploads of the same version must take in the same order.
    manifest = signed_manifest(firmware, at=at)
    if manifest is not None:
        firmware.manifest, firmware.signed_by_id = manifest.jws, manifest.kid
    firmware.save(force_insert=True)
    changes = {name: (None, getattr(firmware, name)) for name in RECORDED if getattr(firmware, name) is not None}
    record_event(FirmwareAction.UPLOADED, subject=firmware_subject(firmware), by=by, at=at, changes=changes)
