"""A location's own window."""

from datetime import UTC, time

import pytest

from audit.actors import SYSTEM
from audit.models import Event
from fleet.rollouts.errors import WindowInvalid
from fleet.rollouts.models import MaintenanceWindow
from fleet.rollouts.services import USUAL_WINDOW, set_maintenance_window, windows_of
from fleet.rollouts.tests.estate import Estate
from fleet.rollouts.windows import Window
from sites.errors import SiteNotFound

pytestmark = pytest.mark.django_db
LATE = Window(time(23, 30), time(1))


def test_a_window_is_set_changed_and_taken_back(estate: Estate) -> None:
    site, other = estate.site(), estate.site("Milano")
    for wanted in (LATE, Window(time(2), time(5)), None):
        set_maintenance_window(site.pk, wanted, by=SYSTEM, at=estate.at)
        assert windows_of([site.pk, other.pk]) == {site.pk: wanted or USUAL_WINDOW, other.pk: USUAL_WINDOW}
    assert not MaintenanceWindow.objects.exists()
    changes = [event.changes["maintenance_window"] for event in Event.objects.order_by("sequence")]
    assert changes == [["03:00–06:00", "23:30–01:00"], ["23:30–01:00", "02:00–05:00"], ["02:00–05:00", "03:00–06:00"]]
    assert {event.action for event in Event.objects.all()} == {"site.maintenance_window_changed"}


def test_the_same_window_again_is_no_event(estate: Estate) -> None:
    site = estate.site()
    for _ in range(2):
        set_maintenance_window(site.pk, LATE, by=SYSTEM, at=estate.at)
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "window",
    [
        Window(time(3), time(3)),
        Window(time(3), time(3, 59)),
        Window(time(23, 30), time(0, 15)),
        Window(time(3, 0, 30), time(6)),
        Window(time(3, tzinfo=UTC), time(6)),
        Window("03:00", time(6)),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_window_is_refused(estate: Estate, window: Window) -> None:
    with pytest.raises(WindowInvalid):
        set_maintenance_window(estate.site().pk, window, by=SYSTEM, at=estate.at)
    assert not MaintenanceWindow.objects.exists()


def test_a_site_must_be_there(estate: Estate) -> None:
    with pytest.raises(SiteNotFound):
        set_maintenance_window(estate.new.pk, LATE, by=SYSTEM, at=estate.at)
