"""The field for a time zone: what may be typed, and what the page suggests."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django import forms
from django.utils import timezone

from common.instants import known_zones
from panel.widgets.zone_field import ZoneField

pytestmark = pytest.mark.any_database
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


class ZoneForm(forms.Form):
    zone = ZoneField()


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Rome", "Europe/Rome"),
        (" europe/rome ", "Europe/Rome"),
        ("Rome", "Europe/Rome"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT+1", "Etc/GMT+1"),
        ("singapore", "Singapore"),
    ],
)
def test_a_zone_is_known_by_its_name_or_its_city(typed: str, zone: str) -> None:
    form = ZoneForm({"zone": typed})
    assert form.is_valid()
    assert form.cleaned_data == {"zone": zone}


@pytest.mark.parametrize(
    "typed", ["GMT+1", "gmt-5", "Mars/Olympus", "Europe", "Factory", "localtime", "../etc/passwd", "Rome\0", "x" * 9999]
)
def test_another_text_is_refused(typed: str) -> None:
    assert list(ZoneForm({"zone": typed}).errors) == ["zone"]


@pytest.mark.parametrize(
    ("typed", "zones"),
    [
        ("Istanbul", "Asia/Istanbul, Europe/Istanbul"),
        ("buenos aires", "America/Argentina/Buenos_Aires, America/Buenos_Aires"),
        ("Eastern", "Canada/Eastern, US/Eastern"),
    ],
)
def test_a_city_that_two_zones_have_is_refused_with_their_names(typed: str, zones: str) -> None:
    assert set(zones.split(", ")) <= known_zones()
    assert ZoneForm({"zone": typed}).errors["zone"] == [f"More than one time zone is called {typed}: {zones}."]


def suggested(form: Any) -> dict[str, str]:
    return dict(re.findall('<option value="([^"]*)" label="([^"]*)">', unescape(str(form["zone"]))))


def test_each_zone_is_suggested_with_its_city_and_the_present_time() -> None:
    labels = suggested(ZoneForm())
    assert labels.keys() == known_zones()
    assert labels["Europe/Rome"] == "Rome (Europe), 13:00"
    assert labels["America/New_York"] == "New York (America), 07:00"
    assert labels["America/Argentina/Buenos_Aires"] == "Buenos Aires (America, Argentina), 09:00"
    assert labels["UTC"] == "UTC, 12:00"


def test_the_time_in_the_chosen_zone_stands_beside_it() -> None:
    assert "It is 21:00 there now." in str(ZoneForm(initial={"zone": "Asia/Tokyo"})["zone"])
    assert "there now" not in str(ZoneForm({"zone": "<b>"})["zone"])
    assert "<b>" not in str(ZoneForm({"zone": "<b>"})["zone"])
