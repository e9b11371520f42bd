"""Which actions raise the revision of a site: stale forms count on RAISE_THE_REVISION."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite
from sites import services
from sites.events import RAISE_THE_REVISION, SITE, SiteAction
from sites.models import Site

Act = Callable[..., Any]
ACTS: list[tuple[SiteAction, Act, dict[str, Any]]] = [
    (SiteAction.UPDATED, services.update_site, {"changes": {"name": "Due"}}),
    (SiteAction.LOCKED, services.lock_site, {"reason": "unpaid"}),
    (SiteAction.LOCK_REASON_CHANGED, services.lock_site, {"reason": "fraud"}),
    (SiteAction.UNLOCKED, services.unlock_site, {}),
    (SiteAction.EXTENDED, services.extend_license, {"days": 30}),
    (SiteAction.KEY_ROTATED, services.rotate_key, {"overlap": timedelta(hours=1)}),
    (SiteAction.NOTE_ADDED, services.add_note, {"text": "called"}),
    (SiteAction.TAGS_CHANGED, services.add_tags, {"tags": ["pilot"]}),
    (SiteAction.TAGS_CHANGED, services.remove_tags, {"tags": ["pilot"]}),
    (SiteAction.DEREGISTERED, services.deregister_site, {"reason": "gone"}),
    (SiteAction.RESTORED, services.restore_site, {}),
]


@pytest.mark.any_database
def test_each_action_raises_the_revision_or_does_not_as_the_list_says(ben: Admin, roma: RegisteredSite) -> None:
    site_id, by = uuid.UUID(roma.site_id), Actor(source=Event.Source.ADMIN, admin=ben)
    for action, act, arguments in ACTS:
        before = Site.objects.get().revision
        act(site_id, by=by, at=timezone.now(), **arguments)
        assert Event.objects.of(SITE, site_id).newest_first()[0].action == action
        assert Site.objects.get().revision - before == (action in RAISE_THE_REVISION), action
