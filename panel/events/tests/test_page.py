"""The page of all events: its words, and its filters by subject, action, source and actor."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.events import AccessRequestAction, AdminAction
from accounts.models import Admin
from accounts.services import change_admin
from alerts.events import ChannelAction, CustomerNoticesAction, IncidentAction
from audit.actors import COMMAND, Actor
from audit.events import EventListAction
from audit.models import Event
from audit.services import Subject, record_event
from backup.events import DatabaseAction
from conftest import RegisteredSite
from documents.shares.events import ShareAction
from fleet.devices.events import DeviceAction, EnrolmentAction
from fleet.firmware.events import FirmwareAction, FirmwareTargetAction
from fleet.rollouts.events import RolloutAction, WindowAction
from licensing.events import SigningKeyAction
from panel.events.words import ACTIONS, SPECIFIC_EDITS, SUBJECT_TYPES
from sites.events import OrganizationAction, SavedViewAction, SiteAction, SiteListAction

PAGE = "/admin/audit/event/"


@pytest.fixture
def browser(anna: Admin) -> Client:
    client = Client()
    client.force_login(anna)
    return client


@pytest.fixture
def _history(anna: Admin, ben: Admin, roma: RegisteredSite, api: Any) -> None:
    """Roma registered and locked by anna over the API; ben demoted by anna in the panel, and disabled by a command."""
    assert api.post(f"{roma.path}/lock", {"reason": "unpaid"}).status_code == 200
    now = timezone.now()
    change_admin(ben.pk, {"role": "viewer"}, by=Actor(Event.Source.ADMIN, anna), at=now)
    change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=now)


def shown(browser: Client, query: str = "") -> list[tuple[str, str]]:
    """What each row says was done, and to what, oldest first."""
    answer = browser.get(f"{PAGE}?{query}")
    assert answer.status_code == 200, answer["Location"]
    model_admin = answer.context["cl"].model_admin
    return [
        (model_admin.action_label(event), event.subject_name) for event in reversed(answer.context["cl"].result_list)
    ]


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", ["Registered", "Locked", "Role changed", "Disabled"]),
        ("subject_type=site", ["Registered", "Locked"]),
        ("subject_type=admin", ["Role changed", "Disabled"]),
        ("action=site.locked", ["Locked"]),
        ("action__exact=site.locked", ["Locked"]),
        ("action=admin.disabled&subject_type=admin", ["Disabled"]),
        ("source=command", ["Disabled"]),
        ("source=api&subject_type=site&action=site.registered", ["Registered"]),
        ("actor={anna}", ["Registered", "Locked", "Role changed"]),
        ("actor={ben}", []),
        ("subject_type=admin&subject_id={ben}", ["Role changed", "Disabled"]),
        ("subject_type=site&subject_id={ben}", []),
        ("q=Roma", ["Registered", "Locked"]),
        # What no filter offers:
        ("actor=x", []),
        ("actor=99999999999999999999999", []),
        ("subject_type=planet", []),
        ("action=nothing", []),
    ],
)
def test_the_filters(browser: Client, anna: Admin, ben: Admin, query: str, rows: list[str]) -> None:
    assert [label for label, _ in shown(browser, query.format(anna=anna.pk, ben=ben.pk))] == rows


@pytest.mark.usefixtures("_history")
def test_a_row_names_its_subject_and_leads_to_its_page(browser: Client, ben: Admin, roma: RegisteredSite) -> None:
    html = browser.get(PAGE).content.decode()
    assert f'<a href="/admin/sites/site/{roma.site_id}/change/">Trattoria Roma</a>' in html
    assert f'<a href="/admin/accounts/admin/{ben.pk}/change/">ben</a>' in html
    assert "over the API" in html
    assert "by a command" in html
    (event,) = Event.objects.filter(action="admin.disabled")
    page = browser.get(f"{PAGE}{event.pk}/change/").content.decode()
    assert "Disabled" in page
    assert "by a command" in page


@pytest.mark.usefixtures("_history")
def test_the_actions_offered_are_those_of_the_chosen_subject(browser: Client) -> None:
    def offered(query: str) -> list[str]:
        (spec,) = [spec for spec in browser.get(f"{PAGE}?{query}").context["cl"].filter_specs if spec.title == "action"]
        return [label for _, label in spec.lookup_choices]

    assert "Locked" in offered("subject_type=site")
    assert "Role changed" not in offered("subject_type=site")
    assert {"Site: Locked", "Admin: Role changed"} <= set(offered(""))
    assert not {"Site: Activated", "Activated"} & {*offered(""), *offered("subject_type=site")}


@pytest.mark.usefixtures("_history")
def test_no_filter_reads_the_table_for_its_choices(browser: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        browser.get(PAGE)
    assert not [query["sql"] for query in queries if "DISTINCT" in query["sql"]]


def test_every_action_has_its_words() -> None:
    known = {
        *SiteAction.values,
        *OrganizationAction.values,
        *ShareAction.values,
        *SiteListAction.values,
        *SavedViewAction.values,
        *EventListAction.values,
        *AccessRequestAction.values,
        *AdminAction.values,
        *DatabaseAction.values,
        *CustomerNoticesAction.values,
        *IncidentAction.values,
        *ChannelAction.values,
        *DeviceAction.values,
        *EnrolmentAction.values,
        *FirmwareAction.values,
        *FirmwareTargetAction.values,
        *RolloutAction.values,
        *WindowAction.values,
    }
    known |= {*SigningKeyAction.values, *SPECIFIC_EDITS}
    assert set(ACTIONS) == known
    assert {action.partition(".")[0] for action in known} == set(SUBJECT_TYPES)


def test_an_action_without_words_is_shown_by_its_name(browser: Client) -> None:
    record_event("robot.wiped_twice", subject=Subject("robot", 7, "till 7"), by=COMMAND, at=timezone.now())
    assert shown(browser) == [("Wiped twice", "till 7")]
    assert "wiped twice till 7" in " ".join(browser.get("/admin/").content.decode().replace("\n", " ").split())
    assert browser.get(f"{PAGE}{Event.objects.get().pk}/change/").status_code == 200


def test_the_page_of_a_suspected_clone_shows_the_two_side_by_side(browser: Client) -> None:
    changes = {
        "boot_id": ("b-one", "b-two"),
        "first_seen_at": ("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"),
        "sequence": (7, 9),
    }
    record_event(
        SiteAction.CLONE_SUSPECTED, subject=Subject("site", 7, "Roma"), by=COMMAND, at=timezone.now(), changes=changes
    )
    html = browser.get(f"{PAGE}{Event.objects.get().pk}/change/").content.decode()
    rows = re.findall(
        r'<th scope="row">(.+?)</th><td data-branch="One">(.+?)</td><td data-branch="The other">(.+?)</td>', html
    )
    assert [label for label, *_ in rows] == ["Start", "First call", "Sequence"]
    assert (rows[0], rows[2]) == (("Start", "b-one", "b-two"), ("Sequence", "7", "9"))
    assert "boot_id" not in html
    assert "<time" in rows[1][1]


@pytest.mark.usefixtures("_history")
def test_the_page_of_an_event_shows_what_became_what(browser: Client) -> None:
    event = Event.objects.get(action=AdminAction.ROLE_CHANGED)
    html = browser.get(f"{PAGE}{event.pk}/change/").content.decode()
    before, after = event.changes["role"]
    assert (
        f'<th scope="row">Role</th><td data-branch="Before">{before}</td><td data-branch="After">{after}</td>' in html
    )
