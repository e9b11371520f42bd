"""Two boxes that use one key, such as a cloned SD card, are noticed by their boots, as those of sites are.

A boot that another one had replaced calls again with a higher number than before, and then the other one does, too. A restart,
a restored image and a late arrival are no clones. Nothing is refused because of it.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from audit.actors import SYSTEM, Actor
from audit.services import record_event
from common.instants import format_instant
from fleet.devices.events import DeviceAction, device_subject
from fleet.devices.models import Device, DevicePulse
from fleet.devices.services.rows import device_for_update
from fleet.heartbeats.beats import Beat
from fleet.heartbeats.models import DeviceBoot

# Of one device; older ones are deleted.
MAX_BOOTS = 20


def note_boot(pulse: DevicePulse, beat: Beat) -> bool:
    """Whether the boot of `beat` takes the place of the pulse's, which is another one; not if the beat arrived late.

    In the caller's transaction, with the pulse locked.
    """
    assert pulse.boot_id is not None
    assert pulse.last_seen_at is not None
    assert beat.boot_id is not None
    boots = DeviceBoot.objects.filter(device=pulse.pk)
    replaced, _ = boots.get_or_create(
        boot_id=pulse.boot_id,
        defaults={"device_id": pulse.pk, "first_seen_at": pulse.last_seen_at, "last_seen_at": pulse.last_seen_at},
    )
    boots.filter(pk=replaced.pk).update(last_seen_at=pulse.last_seen_at, sequence=pulse.sequence)
    before = boots.filter(boot_id=beat.boot_id).first()
    if before is None:
        DeviceBoot.objects.create(
            device_id=pulse.pk,
            boot_id=beat.boot_id,
            first_seen_at=beat.at,
            last_seen_at=beat.at,
            sequence=beat.sequence,
        )
        forget_old_boots([pulse.pk])
        return True
    if (beat.sequence or 0) <= (before.sequence or 0):
        return False
    boots.filter(pk=before.pk).update(returns=F("returns") + 1)
    if replaced.returns:
        suspect_clone(pulse.pk, (replaced.boot_id, before.boot_id), at=beat.at)
    return True


def forget_old_boots(device_ids: Collection[uuid.UUID]) -> None:
    """All but the newest of each device."""
    newest_first = Window(RowNumber(), partition_by="device", order_by=[F("last_seen_at").desc(), F("id").desc()])
    boots = DeviceBoot.objects.filter(device__in=device_ids).annotate(position=newest_first)
    old = [pk for pk, position in boots.values_list("pk", "position") if position > MAX_BOOTS]
    if old:
        DeviceBoot.objects.filter(pk__in=old).delete()


def suspect_clone(device_id: uuid.UUID, boots: tuple[uuid.UUID, uuid.UUID], *, at: datetime) -> None:
    device = Device.objects.filter(pk=device_id).first()
    if device is None or not Device.objects.filter(pk=device_id, clone_suspected_at=None).update(clone_suspected_at=at):
        return
    changes = {"clone_suspected_at": (None, format_instant(at)), "boot_ids": (None, sorted(map(str, boots)))}
    record_event(DeviceAction.CLONE_SUSPECTED, subject=device_subject(device), by=SYSTEM, at=at, changes=changes)


@transaction.atomic
def dismiss_device_clone(device_id: uuid.UUID, *, by: Actor, at: datetime) -> Device:
    """If nothing is suspected, nothing changes. Further heartbeats of both boots raise it again. Raises DeviceNotFound."""
    device = device_for_update(device_id)
    suspected_at = device.clone_suspected_at
    if suspected_at is None:
        return device
    DeviceBoot.objects.filter(device=device_id).update(returns=0)
    Device.objects.filter(pk=device_id).update(clone_suspected_at=None)
    device.clone_suspected_at = None
    changes = {"clone_suspected_at": (format_instant(suspected_at), None)}
    record_event(DeviceAction.CLONE_DISMISSED, subject=device_subject(device), by=by, at=at, changes=changes)
    return device
