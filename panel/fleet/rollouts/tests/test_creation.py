"""Creating a roll-out: the form, the dry run, and nothing stored before it is confirmed."""

from typing import Any

import pytest

from accounts.models import Admin
from audit.actors import COMMAND
from fleet.rollouts.models import Rollout
from fleet.rollouts.tests.estate import Estate
from fleet.rollouts.waves import DEFAULT_WAVES, WaveSpec
from panel.fleet.rollouts.creation.forms import usual_waves
from panel.tests.screen import FormReader, browser_of
from sites.models import Site
from sites.services import create_organization

pytestmark = pytest.mark.any_database

ADD = "/admin/rollouts/rollout/add/"
ID = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b31"


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()


def entries(estate: Estate, **changed: str) -> dict[str, str]:
    """Of the form as a browser sends it, with the usual waves."""
    rows = usual_waves()
    sent = {"rollout_id": ID, "firmware": str(estate.new.pk), "name": "June", "step": "plan"}
    sent |= {"waves-TOTAL_FORMS": str(len(rows)), "waves-INITIAL_FORMS": str(len(rows))}
    for number, row in enumerate(rows):
        sent |= {f"waves-{number}-{name}": "" if value is None else str(value) for name, value in row.items()}
    return sent | changed


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_form_has_the_usual_waves_and_the_firmware_of_the_url(anna: Admin, estate: Estate) -> None:
    answer = browser_of(anna).get(f"{ADD}?firmware={estate.old.pk}")
    assert f'<option value="{estate.old.pk}" selected>till 1.0.0 (stable)</option>' in answer.content.decode()
    assert [form["percent"].value() for form in answer.context["waves"]] == [None, 5, 25, 100, None, None]


def test_the_dry_run_says_who_and_when_and_stores_nothing(anna: Admin, estate: Estate) -> None:
    site = estate.site("Osteria")
    estate.devices(site, 3)
    answer = browser_of(anna).post(ADD, entries(estate))
    page = text(answer)
    assert "Not created yet" in page
    assert "3 devices at 1 location" in page
    assert "03:00–06:00, Europe/Rome" in page
    assert "Osteria (chosen again at the start)" in page
    assert not Rollout.objects.exists()


def test_what_the_dry_run_showed_is_created_once(anna: Admin, estate: Estate) -> None:
    estate.devices(estate.site(), 2)
    browser = browser_of(anna)
    plan = browser.post(ADD, entries(estate, role="till"))
    sent = {name: values[0] for name, values in FormReader(plan.content.decode()).fields.items()}
    sent.pop("next", None)
    answer = browser.post(ADD, sent | {"step": "create"}, follow=True)
    assert "Created: June. Nothing happens until you start it." in text(answer)
    rollout = Rollout.objects.get()
    assert (str(rollout.pk), rollout.state, rollout.selection) == (ID, "draft", {"role": "till"})
    found = [WaveSpec(**{name: getattr(wave, name) for name in vars(DEFAULT_WAVES[0])}) for wave in rollout.waves.all()]
    assert found == list(DEFAULT_WAVES)
    again = browser.post(ADD, sent | {"step": "create"}, follow=True)
    assert "This roll-out was created already." in text(again)
    assert Rollout.objects.count() == 1


def test_the_entries_are_there_again_to_be_changed(anna: Admin, estate: Estate) -> None:
    answer = browser_of(anna).post(ADD, entries(estate, step="edit", **{"waves-1-max_failures": "7"}))
    assert answer.context["form"]["name"].value() == "June"
    assert answer.context["waves"][1]["max_failures"].value() == "7"


def test_the_devices_are_selected_by_organization_and_locations(anna: Admin, estate: Estate) -> None:
    chain = create_organization(name="Conti", by=COMMAND, at=estate.at)
    first, second, other = estate.site("First"), estate.site("Second"), estate.site("Other")
    Site.objects.filter(pk__in=[first.pk, second.pk]).update(organization=chain)
    for site in (first, second, other):
        estate.device(site)
    browser = browser_of(anna)
    assert browser.post(ADD, entries(estate, organization_id="Conti")).context["plan"].devices == 2
    listed = f"First\r\n{other.pk}\r\n\r\nFirst"
    assert browser.post(ADD, entries(estate, location_ids=listed)).context["plan"].devices == 2
    pilot = browser.post(ADD, entries(estate, pilot_site_id="Second")).context["plan"]
    assert pilot.pilot_site_id == second.pk


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"firmware": ""}, "This field is required."),
        ({"location_ids": "Nowhere"}, "There is no site “Nowhere”."),
        ({"location_ids": "Twice"}, "Enter the id, as more than one site is called “Twice”."),
        ({"pilot_site_id": "Nowhere"}, "There is no site “Nowhere”."),
        ({"waves-1-percent": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"waves-1-percent": "30"}, "Each wave must reach further than the one before"),
        ({"waves-3-percent": "90"}, "the last one 100 percent"),
        ({"waves-0-percent": "1", "pilot_site_id": "Roma"}, "The first wave is not a pilot."),
        ({"waves-TOTAL_FORMS": "x"}, "Please fix what is marked below."),
        ({"waves-TOTAL_FORMS": "0"}, "the last one 100 percent"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    changed: dict[str, str], words: str, anna: Admin, estate: Estate
) -> None:
    for name in ("Roma", "Twice", "Twice"):
        estate.site(name)
    for step in ("plan", "create"):
        assert words in text(browser_of(anna).post(ADD, entries(estate, step=step, **changed)))
    assert not Rollout.objects.exists()


def test_a_selection_without_devices_says_so(anna: Admin, estate: Estate) -> None:
    estate.device(estate.site())
    assert "No device matches." in text(browser_of(anna).post(ADD, entries(estate, role="Till")))


def test_a_withdrawn_version_is_not_offered(anna: Admin, estate: Estate) -> None:
    type(estate.new).objects.filter(pk=estate.new.pk).update(withdrawn_at=estate.at)
    assert "Select a valid choice" in text(browser_of(anna).post(ADD, entries(estate)))


@pytest.mark.parametrize("number", [1, 40])
def test_the_dry_run_takes_the_same_number_of_statements_for_any_number_of_devices(
    number: int, anna: Admin, estate: Estate, django_assert_num_queries: Any
) -> None:
    for each in range(number):
        estate.device(estate.site(f"Site {each}"))
    browser, sent = browser_of(anna), entries(estate)
    with django_assert_num_queries(10):
        browser.post(ADD, sent)
