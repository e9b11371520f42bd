"""What is open now, on the dashboard."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.incidents.services import acknowledge_incident, resolve_incidents
from alerts.kinds import Kind
from conftest import Register, RegisteredSite
from panel.alerts.tests.cast import INCIDENTS, an_incident, by
from panel.dashboard.open_incidents import open_incidents
from panel.tests.screen import browser_of


def block(admin: Admin) -> str:
    page = browser_of(admin).get("/admin/").content.decode()
    return " ".join(page.partition('id="open-incidents"')[2].partition("</section>")[0].split())


def test_without_incidents_it_is_calm(vera: Admin) -> None:
    shown = block(vera)
    assert "No open incidents." in shown
    assert "state-" not in shown
    assert f'href="{INCIDENTS}"' in shown


def test_the_most_severe_stand_first_and_then_the_newest(vera: Admin, register: Register) -> None:
    first = an_incident(title="First attack", subject="1")
    an_incident(Kind.CONTROL_PLANE_WAS_DOWN, "We were down")
    an_incident(Kind.LICENSE_ENDED, "A licence has ended", site=register())
    an_incident(title="Second attack", subject="2")
    shown = block(vera)
    places = [shown.index(words) for words in ("Second attack", "First attack", "A licence has ended", "We were down")]
    assert places == sorted(places)
    assert f'href="{INCIDENTS}{first.pk}/change/"' in shown
    for words, severity in (("2 critical", "critical"), ("1 warning", "warning"), ("1 info", "info")):
        assert words in shown
        assert f'href="{INCIDENTS}?view=open&amp;severity={severity}"' in shown


def test_acknowledged_ones_are_counted_and_resolved_ones_are_not(anna: Admin) -> None:
    acknowledged, resolved = an_incident(title="Taken care of", subject="1"), an_incident(title="Over", subject="2")
    acknowledge_incident(acknowledged.id, by=by(anna), at=timezone.now())
    resolve_incidents([resolved.pk], at=timezone.now())
    shown = block(anna)
    assert "No open incidents." in shown
    assert "1 acknowledged" in shown
    assert "Taken care of" not in shown
    assert "Over" not in shown


def test_of_many_it_names_five_with_two_statements(anna: Admin) -> None:
    for number in range(8):
        an_incident(title=f"Attack {number}", subject=str(number))
    with CaptureQueriesContext(connection) as queries:
        found = open_incidents()
    assert len(queries) == 2
    assert [row.incident.title for row in found.worst] == [f"Attack {number}" for number in range(7, 2, -1)]
    assert found.more == 3
    assert "Show all incidents" in block(anna)


def test_the_name_of_a_restaurant_is_no_markup(vera: Admin, roma: RegisteredSite) -> None:
    an_incident(Kind.SITE_OFFLINE, "<script>alert(1)</script> is offline", site=roma)
    assert "<script>alert" not in block(vera)
    assert "&lt;script&gt;alert" in block(vera)
