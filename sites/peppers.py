"""How many keys of sites are left on each pepper, for an operator who changes SITE_KEY_PEPPER."""

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Count

from common.keys import pepper_id
from sites.models import SiteKey


class PepperState(models.TextChoices):
    CURRENT = "current"
    FORMER = "former"  # configured, but not the first
    NOT_CONFIGURED = "not_configured"  # keys of it are refused
    NOT_RECORDED = "not_recorded"  # of keys from before peppers were recorded that were not used since


class PepperUsage(NamedTuple):
    """`pepper` is the id of a pepper, and `keys` the number of keys that were made with it and would be accepted."""

    pepper: str | None
    state: PepperState
    keys: int


def pepper_usage(*, at: datetime) -> list[PepperUsage]:
    """Each configured pepper, the current one first, and then the others that keys were made with."""
    keys = SiteKey.objects.live(at=at).of_live_sites().order_by("pepper").values_list("pepper")
    found = dict(keys.annotate(number=Count("*")))
    current, *former = [pepper_id(pepper) for pepper in settings.SITE_KEY_PEPPERS]
    unrecorded = found.pop(None, 0)
    return [
        PepperUsage(current, PepperState.CURRENT, found.pop(current, 0)),
        *(PepperUsage(pepper, PepperState.FORMER, found.pop(pepper, 0)) for pepper in former),
        *(PepperUsage(pepper, PepperState.NOT_CONFIGURED, number) for pepper, number in found.items()),
        *([PepperUsage(None, PepperState.NOT_RECORDED, unrecorded)] if unrecorded else []),
    ]


def keys_on_former_peppers(*, at: datetime) -> int:
    """The keys that would be refused if only the current pepper were left. One query."""
    current = pepper_id(settings.SITE_KEY_PEPPERS[0])
    keys = SiteKey.objects.live(at=at).of_live_sites()
    return keys.filter(models.Q(pepper__lt=current) | models.Q(pepper__gt=current) | models.Q(pepper=None)).count()
