"""Which devices a roll-out is for, in words."""

import uuid

from fleet.rollouts.models import Rollout
from fleet.rollouts.selection import Selection
from panel.widgets.names import join_names
from panel.widgets.times import plural
from sites.models import Organization, Site

MAX_NAMED = 20


def selection_words(rollout: Rollout) -> list[tuple[str, str]]:
    """As in [("Organization", "Conti"), ("Role", "till")]; empty if it is for all devices."""
    return words_of_selection(Selection.from_json(rollout.selection))


def words_of_selection(selection: Selection) -> list[tuple[str, str]]:
    words = []
    if selection.organization_id is not None:
        name = Organization.objects.filter(pk=selection.organization_id).values_list("name", flat=True).first()
        words.append(("Organization", name or "unknown"))
    if selection.location_ids is not None:
        words.append(("Locations", names_of(selection.location_ids)))
    texts = (("Role", selection.role), ("Hardware", selection.hardware), ("Runs", selection.current_version))
    words += [(label, text) for label, text in texts if text is not None]
    if selection.device_ids is not None:
        words.append(("Devices", plural(len(selection.device_ids), "listed device")))
    return words


def names_of(location_ids: tuple[uuid.UUID, ...]) -> str:
    if len(location_ids) > MAX_NAMED:
        return plural(len(location_ids), "listed location")
    return join_names(list(Site.objects.filter(pk__in=location_ids).order_by("name").values_list("name", flat=True)))
