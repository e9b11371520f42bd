"""Acknowledging incidents: from the list, and on the page of one."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from alerts.events import IncidentAction
from alerts.incidents.services import resolve_incidents
from alerts.kinds import State
from alerts.models import Incident
from audit.models import Event
from panel.alerts.incidents import acknowledge
from panel.alerts.tests.cast import INCIDENTS, an_incident
from panel.tests.screen import browser_of
from panel.tests.test_kept_forms import send_without_session, sign_in

ACKNOWLEDGE = f"{INCIDENTS}acknowledge/"


@pytest.fixture
def browser(ben: Admin) -> Client:
    return browser_of(ben)


def test_what_is_selected_in_the_list_is_acknowledged_with_one_note(browser: Client, ben: Admin) -> None:
    chosen = [an_incident(title=f"Incident {number}", subject=str(number)) for number in range(2)]
    other = an_incident(title="Another", subject="other")
    page = browser.post(INCIDENTS, {"_selected_action": [each.pk for each in chosen], "index": "0"}, follow=True)
    text = page.content.decode()
    assert "Incident 0" in text
    assert "Another" not in text
    assert 'value="Acknowledge 2 incidents"' in text
    assert set(Incident.objects.values_list("state", flat=True)) == {State.OPEN}, "GET changes nothing"
    address = f"{page.request['PATH_INFO']}?{page.request['QUERY_STRING']}"
    answer = browser.post(address, {"note": "I call the provider"}, follow=True)
    assert "Acknowledged: 2 incidents." in answer.content.decode()
    for incident in chosen:
        incident.refresh_from_db()
        assert (incident.state, incident.acknowledged_by, incident.acknowledge_note) == (
            State.ACKNOWLEDGED,
            ben,
            "I call the provider",
        )
    other.refresh_from_db()
    assert other.state == State.OPEN
    events = Event.objects.filter(action=IncidentAction.ACKNOWLEDGED)
    assert [(event.actor, event.source) for event in events] == [(ben, Event.Source.ADMIN)] * 2


def test_on_its_page_one_is_acknowledged_at_once_and_the_note_may_be_left_out(browser: Client, ben: Admin) -> None:
    incident = an_incident()
    page = f"{INCIDENTS}{incident.pk}/change/"
    assert f'action="{ACKNOWLEDGE}?incident={incident.pk}"' in browser.get(page).content.decode()
    answer = browser.post(f"{ACKNOWLEDGE}?incident={incident.pk}", {"note": ""})
    assert answer.headers["Location"] == page
    text = browser.get(page).content.decode()
    assert "Acknowledged: Somebody tries passwords." in text
    assert "by ben" in text
    assert "<form" not in text.partition('id="content"')[2], "it cannot be acknowledged twice"


def test_without_a_selection_the_list_asks_for_one(browser: Client) -> None:
    an_incident()
    answer = browser.post(f"{INCIDENTS}?severity=critical", {"index": "0"}, follow=True)
    assert "Select incidents first." in answer.content.decode()
    assert answer.request["QUERY_STRING"] == "severity=critical"


@pytest.mark.parametrize("named", ["", "x", "-1", "999", "9" * 30, "%00", "٣"])
def test_what_names_no_open_incident_leads_back_to_the_list(browser: Client, named: str) -> None:
    for send in (browser.get, browser.post):
        answer = send(f"{ACKNOWLEDGE}?incident={named}", follow=True)
        assert answer.redirect_chain == [(INCIDENTS, 302)]
        assert "None of these incidents is open any more." in answer.content.decode()


def test_what_was_resolved_while_the_page_was_open_is_left_out(browser: Client) -> None:
    kept, gone = an_incident(subject="1"), an_incident(title="Over", subject="2")
    address = f"{ACKNOWLEDGE}?incident={kept.pk}&incident={gone.pk}"
    resolve_incidents([gone.pk], at=timezone.now())
    page = browser.get(address).content.decode()
    assert "1 of those that you selected is not open any more." in page
    assert "Over" not in page.partition('id="content"')[2]
    browser.post(address, {"note": ""})
    assert dict(Incident.objects.values_list("pk", "state")) == {kept.pk: State.ACKNOWLEDGED, gone.pk: State.RESOLVED}


def test_what_is_resolved_in_the_last_moment_does_not_stop_the_others(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = an_incident(subject="1"), an_incident(title="Still open", subject="2")
    service = acknowledge.acknowledge_incident

    def resolved_before(*args: object, **facts: object) -> Incident:
        resolve_incidents([gone.pk], at=timezone.now())
        return service(*args, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(acknowledge, "acknowledge_incident", resolved_before)
    answer = browser.post(f"{ACKNOWLEDGE}?incident={gone.pk}&incident={kept.pk}", {"note": ""}, follow=True)
    text = answer.content.decode()
    assert "Acknowledged: Still open." in text
    assert "1 incident had been resolved before." in text


@pytest.mark.parametrize("note", ["x" * 501, "a\x07bell"])
def test_a_wrong_note_is_shown_beside_its_field_and_changes_nothing(browser: Client, note: str) -> None:
    incident = an_incident()
    answer = browser.post(f"{ACKNOWLEDGE}?incident={incident.pk}", {"note": note})
    assert "Not acknowledged. Please fix the fields below." in answer.content.decode()
    assert list(answer.context["form"].errors) == ["note"]
    incident.refresh_from_db()
    assert incident.state == State.OPEN


def test_a_note_that_was_sent_after_the_session_ended_is_kept(ben: Admin) -> None:
    address = f"{ACKNOWLEDGE}?incident={an_incident().pk}"
    browser, page = send_without_session(address, {"note": "I call the provider"})
    answer = sign_in(browser, page, username="ben")
    assert f"{answer.request['PATH_INFO']}?{answer.request['QUERY_STRING']}" == address
    assert "I call the provider</textarea>" in answer.content.decode()
    assert Incident.objects.get().state == State.OPEN


def test_a_viewer_acknowledges_nothing(vera: Admin) -> None:
    incident = an_incident()
    assert browser_of(vera).post(f"{ACKNOWLEDGE}?incident={incident.pk}", {"note": ""}).status_code == 403
    assert ACKNOWLEDGE not in browser_of(vera).get(f"{INCIDENTS}{incident.pk}/change/").content.decode()
    incident.refresh_from_db()
    assert incident.state == State.OPEN
