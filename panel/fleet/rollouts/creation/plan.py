"""A dry run as its page shows it."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fleet.rollouts.planning import Plan, SitePlan, WavePlan
from panel.fleet.rollouts.page.waves import wave_label

# Of each wave; the numbers count all of them.
MAX_SHOWN = 20


class PlannedSite(NamedTuple):
    site: SitePlan
    # By the location's clock, as in "Tue 03:00".
    opens_there: str


class PlannedWave(NamedTuple):
    wave: WavePlan
    label: str
    sites: list[PlannedSite]

    @property
    def more(self) -> int:
        return self.wave.number_of_sites - len(self.sites)


def planned_waves(plan: Plan) -> list[PlannedWave]:
    return [
        PlannedWave(wave, wave_label(wave.percent), [shown(site) for site in wave.sites[:MAX_SHOWN]])
        for wave in plan.waves
    ]


def shown(site: SitePlan) -> PlannedSite:
    there: datetime = site.opening.opens_at.astimezone(ZoneInfo(site.timezone))
    return PlannedSite(site, f"{there:%a %H:%M}")
