"""Create a roll-out."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.values import clean_text
from fleet.firmware.services.targets import available_firmware
from fleet.rollouts.errors import RolloutAlreadyCreated, RolloutInvalid
from fleet.rollouts.events import RolloutAction, rollout_subject
from fleet.rollouts.limits import MAX_LISTED_DEVICES, MAX_LISTED_LOCATIONS, MAX_ROLLOUT_NAME_LENGTH
from fleet.rollouts.models import Rollout, RolloutWave
from fleet.rollouts.selection import Selection
from fleet.rollouts.waves import DEFAULT_WAVES, WaveSpec, checked_waves
from sites.models import Site

EVERYTHING = Selection()


@transaction.atomic
def create_rollout(
    *,
    firmware_id: uuid.UUID,
    name: str,
    by: Actor,
    at: datetime,
    selection: Selection = EVERYTHING,
    waves: Sequence[WaveSpec] = DEFAULT_WAVES,
    pilot_site_id: uuid.UUID | None = None,
    rollout_id: uuid.UUID | None = None,
) -> Rollout:
    """A draft: nothing happens until it is started.

    Without `pilot_site_id`, the start chooses the pilot by hash. A caller that gives `rollout_id`
    can send the same twice and creates one roll-out.

    Raises RolloutInvalid, RolloutAlreadyCreated, FirmwareNotFound, FirmwareWithdrawn.
    """
    name = checked_name(name)
    waves = checked_waves(waves)
    check_selection(selection)
    check_pilot(pilot_site_id, waves)
    firmware = available_firmware(firmware_id)
    rollout, is_new = Rollout.objects.get_or_create(
        pk=rollout_id or uuid.uuid4(),
        defaults={
            "firmware": firmware,
            "name": name,
            "selection": selection.as_json(),
            "pilot_site_id": pilot_site_id,
            "created_at": at,
            "created_by_id": by.admin.pk if by.admin else None,
        },
    )
    if not is_new:
        raise RolloutAlreadyCreated
    RolloutWave.objects.bulk_create(
        [RolloutWave(rollout=rollout, number=number, **vars(wave)) for number, wave in enumerate(waves)]
    )
    changes = {
        "firmware": (None, str(firmware)),
        "waves": (None, ["pilot" if wave.percent is None else wave.percent for wave in waves]),
    }
    record_event(RolloutAction.CREATED, subject=rollout_subject(rollout), by=by, at=at, changes=changes)
    return rollout


def checked_name(name: str) -> str:
    """Raises RolloutInvalid."""
    try:
        return clean_text(name, max_length=MAX_ROLLOUT_NAME_LENGTH)
    except ValidationError as error:
        raise RolloutInvalid(error.messages[0], field="name") from error


def check_selection(selection: Selection) -> None:
    """Raises RolloutInvalid."""
    for name, most in (("location_ids", MAX_LISTED_LOCATIONS), ("device_ids", MAX_LISTED_DEVICES)):
        listed = getattr(selection, name)
        if listed is not None and not 1 <= len(listed) <= most:
            raise RolloutInvalid(f"Must have from 1 to {most} ids.", field=f"selection/{name}")


def check_pilot(pilot_site_id: uuid.UUID | None, waves: Sequence[WaveSpec]) -> None:
    """Raises RolloutInvalid."""
    if pilot_site_id is None:
        return
    if waves[0].percent is not None:
        raise RolloutInvalid("The first wave is not a pilot.", field="pilot_location_id")
    if not Site.objects.live().filter(pk=pilot_site_id).exists():
        raise RolloutInvalid("There is no such location.", field="pilot_location_id")
