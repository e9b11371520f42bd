"""Roll-outs, their devices and plans as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from common.instants import format_instant
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.planning import Plan, SitePlan, WavePlan
from fleet.rollouts.waves import WAVE_FIELDS

FORWARD, BACK = RolloutDevice.Direction.FORWARD, RolloutDevice.Direction.BACK
Counts = dict[tuple[Any, int, str, str], int]


def rollout_representations(rollouts: Iterable[Rollout]) -> list[dict[str, Any]]:
    """Expects the firmware and the waves to be read with them. The devices are counted in one statement for all."""
    rollouts = list(rollouts)
    counts = RolloutDevice.objects.filter(rollout__in=rollouts).counts()
    return [rollout_representation(rollout, counts) for rollout in rollouts]


def rollout_representation(rollout: Rollout, counts: Counts) -> dict[str, Any]:
    waves = sorted(rollout.waves.all(), key=lambda wave: wave.number)
    back = [numbers(counts, rollout, wave.number, BACK) for wave in waves]
    return {
        "id": str(rollout.pk),
        "name": rollout.name,
        "firmware": {
            "id": str(rollout.firmware_id),
            "product": rollout.firmware.product,
            "version": rollout.firmware.version,
        },
        "state": rollout.state,
        "pause_reason": rollout.pause_reason or None,
        "selection": rollout.selection,
        "pilot_location_id": rollout.pilot_site_id and str(rollout.pilot_site_id),
        "wave": rollout.wave,
        "waves": [
            {
                "number": wave.number,
                **{name: getattr(wave, name) for name in WAVE_FIELDS},
                "accepted_failures": wave.accepted_failures,
                "started_at": instant(wave.started_at),
                "finished_at": instant(wave.finished_at),
                "devices": numbers(counts, rollout, wave.number, FORWARD),
            }
            for wave in waves
        ],
        "devices_back": {state: sum(each[state] for each in back) for state in RolloutDevice.State.values},
        "created_at": format_instant(rollout.created_at),
        "started_at": instant(rollout.started_at),
        "rollback_at": instant(rollout.rollback_at),
        "finished_at": instant(rollout.finished_at),
    }


def numbers(counts: Counts, rollout: Rollout, wave: int, direction: str) -> dict[str, int]:
    return {state: counts.get((rollout.pk, wave, direction, state), 0) for state in RolloutDevice.State.values}


def device_representation(row: RolloutDevice) -> dict[str, Any]:
    return {
        "device_id": str(row.device_id),
        "name": row.device.name,
        "location_id": str(row.site_id),
        "wave": row.wave,
        "direction": row.direction,
        "state": row.state,
        "previous_version": row.previous_version or None,
        "offered_at": instant(row.offered_at),
        "finished_at": instant(row.finished_at),
        "reason": row.reason or None,
    }


def plan_representation(plan: Plan) -> dict[str, Any]:
    return {
        "pilot_location_id": plan.pilot_site_id and str(plan.pilot_site_id),
        "devices": plan.devices,
        "not_online": plan.not_online,
        "up_to_date": plan.up_to_date,
        "in_other_rollouts": plan.elsewhere,
        "waves": [wave_representation(wave) for wave in plan.waves],
    }


def wave_representation(wave: WavePlan) -> dict[str, Any]:
    return {
        "number": wave.number,
        "percent": wave.percent,
        "devices": wave.devices,
        "locations": wave.number_of_sites,
        "starts_at": format_instant(wave.starts_at),
        "ends_at": format_instant(wave.ends_at),
        "first_locations": [site_representation(site) for site in wave.sites],
    }


def site_representation(site: SitePlan) -> dict[str, Any]:
    local = site.opening.opens_at.astimezone(ZoneInfo(site.timezone))
    return {
        "location_id": str(site.site_id),
        "name": site.name,
        "devices": site.devices,
        "timezone": site.timezone,
        "opens_at": format_instant(site.opening.opens_at),
        "opens_at_local": local.isoformat(timespec="minutes"),
        "done_at": format_instant(site.done_at),
    }


def instant(value: datetime | None) -> str | None:
    return format_instant(value) if value else None
