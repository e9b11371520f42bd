"""Many sites at once, as an import brings them: all of it is written, or nothing."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from sites.errors import SitesChanged
from sites.models import Site
from sites.services import Registration, register_site, update_site


@dataclass(frozen=True)
class SiteChange:
    """The changes of a site whose revision is `revision`; `facts` as `update_site` takes them."""

    site_id: uuid.UUID
    revision: int
    facts: Mapping[str, Any]


@transaction.atomic
def import_sites(
    changes: Sequence[SiteChange],
    registrations: Sequence[Mapping[str, Any]],
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> list[Registration]:
    """Change and register, one event a site; `registrations` as `register_site` takes them.

    Raises SitesChanged, and then has written nothing, if one of the sites moved on from its revision or was
    deregistered.
    """
    lock_sites(changes)
    for change in changes:
        update_site(change.site_id, change.facts, by=by, at=at, reason=reason, expected_revisions={change.revision})
    return [register_site(**facts, by=by, at=at, reason=reason) for facts in registrations]


def lock_sites(changes: Sequence[SiteChange]) -> None:
    """Lock the sites' rows, in the order of their ids: two imports that lock in two orders would be a deadlock."""
    expected = {change.site_id: change.revision for change in changes}
    rows = Site.objects.live().select_for_update(no_key=True).filter(pk__in=expected).order_by("pk")
    present = dict(rows.values_list("pk", "revision"))
    moved = [site_id for site_id, revision in expected.items() if present.get(site_id) != revision]
    if moved:
        raise SitesChanged(moved)
