"""The part of an erasure for roll-outs of firmware and for the hours in which a site's devices may be updated.

Roll-outs keep which device got which version and when. A name that was typed for a roll-out, or the reason of a pause, may name
a customer.
"""

import uuid
from collections.abc import Callable, Iterable

from django.db.models import F

from audit.models import Event
from fleet.rollouts.events import ROLLOUT
from fleet.rollouts.models import MaintenanceWindow, Rollout

Names = Callable[[str], bool]


def lock_rollouts() -> None:
    """Before the site's row: what advances roll-outs takes the locks in this order."""
    list(Rollout.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def rollouts_that_name(is_named_in: Names) -> list[Rollout]:
    """`is_named_in` says whether a text names the customer."""
    rollouts = Rollout.objects.order_by("pk")
    return [each for each in rollouts if is_named_in(each.name) or is_named_in(each.pause_reason)]


def rollout_events_that_name(is_named_in: Names) -> list[int]:
    """The numbers of the events; their values before and after are versions, numbers and ids."""
    events = Event.objects.filter(subject_type=ROLLOUT).with_contents()
    texts = events.order_by("sequence").values_list("pk", "subject_name", "reason")
    return [pk for pk, name, reason in texts if is_named_in(name) or (reason and is_named_in(reason))]


def erase_rollouts(rollouts: Iterable[Rollout], is_named_in: Names, *, value: str) -> None:
    for each in rollouts:
        texts = {name: value for name in ("name", "pause_reason") if is_named_in(getattr(each, name))}
        Rollout.objects.filter(pk=each.pk).update(**texts, revision=F("revision") + 1)


def delete_window(site_id: uuid.UUID) -> None:
    MaintenanceWindow.objects.filter(site=site_id).delete()
