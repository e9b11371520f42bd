"""Requests for access are deleted after 90 days, decided or not."""

from datetime import timedelta

from django.utils import timezone

from accounts.access_requests.deciding import reject_request
from accounts.access_requests.tests.asking import asked
from accounts.models import AccessRequest
from accounts.prune import ACCESS_REQUESTS_KEPT, prune_sign_ins
from audit.actors import COMMAND

DAY = timedelta(days=1)


def left(*, after: timedelta) -> set[str]:
    prune_sign_ins(at=timezone.now() + after)
    return set(AccessRequest.objects.values_list("email", flat=True))


def test_old_requests_go_and_young_ones_stay(db: None) -> None:
    asked("waits@vendor.example")
    decided = asked("decided@vendor.example")
    reject_request(decided.pk, by=COMMAND, at=timezone.now() + 10 * DAY)
    assert left(after=ACCESS_REQUESTS_KEPT - DAY) == {"waits@vendor.example", "decided@vendor.example"}
    assert left(after=ACCESS_REQUESTS_KEPT + DAY) == {"decided@vendor.example"}
    assert left(after=ACCESS_REQUESTS_KEPT + 11 * DAY) == set()
