"""Importing an unchanged export changes nothing, for any name of a site."""

import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register
from panel.sites.imports.tests.importing import EXPORT, apply, results, upload
from panel.tests.screen import browser_of
from sites.models import Site, SiteImport

HOSTILE = "=+-@＝＋－＠;,\"' a'"
NAMES = st.text(alphabet=HOSTILE, min_size=1, max_size=12) | st.text(
    alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12
)
FORMULAS = ["=1+1", "+49 30", "-", "@home", "'=1", "''", "a;=1", 'a;"=1', "＝x", '"quoted", and; parted']


def exported(browser: Any) -> bytes:
    return b"".join(browser.get(EXPORT).streaming_content)


def test_formulas_are_escaped_in_an_export_and_unescaped_in_an_import(anna: Admin, register: Register) -> None:
    for name in FORMULAS:
        register(name=name, owner_name=name)
    browser = browser_of(anna)
    answer = upload(browser, exported(browser))
    assert results(answer) == ["unchanged"] * len(FORMULAS)
    assert not answer.context["can_apply"]


@pytest.mark.slow
@pytest.mark.parametrize("examples", [10, pytest.param(40, marks=pytest.mark.long)])
def test_any_name_survives_an_export_and_import(anna: Admin, api: APIClient, examples: int) -> None:
    browser = browser_of(anna)

    @settings(max_examples=examples, deadline=None)
    @given(name=NAMES, owner=NAMES)
    @example(name="'=1", owner="x;'=1")
    def survives(name: str, owner: str) -> None:
        answer = api.post("/api/sites", {"name": name, "owner_name": owner, "contact_email": "a@b.example"})
        if answer.status_code != 201:
            return  # blank once it is trimmed
        text = exported(browser)
        api.delete(f"/api/sites/{answer.data['site_id']}")
        api_id = answer.data["site_id"]
        # The same facts as a new site.
        renamed = upload(browser, text.replace(api_id.encode(), b""))
        assert results(renamed) == ["register"]
        apply(browser, SiteImport.objects.latest("created_at"))
        again = Site.objects.live().get()
        assert (again.name, again.owner_name) == (answer.data["name"], answer.data["owner_name"])
        assert results(upload(browser, exported(browser))) == ["unchanged"]
        api.delete(f"/api/sites/{again.pk}")

    survives()


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_importing_an_unchanged_export_changes_nothing(
    delimiter: str, anna: Admin, api: APIClient, register: Register
) -> None:
    seen, locked = register(name="Seen", timezone="Asia/Tokyo", contact_phone="+81 3 5550"), register(name="Locked")
    seen.call_home()
    api.post(f"{locked.path}/lock", {"reason": "=cmd\nunpaid; =really"})
    api.patch(locked.path, {"is_active": False})
    browser = browser_of(anna)
    text = exported(browser)
    before = list(Site.objects.order_by("pk").values()), Event.objects.count()
    if delimiter == ";":
        out = StringIO()
        csv.writer(out, delimiter=";").writerows(csv.reader(StringIO(text.decode("utf-8-sig"), newline="")))
        text = out.getvalue().encode()
    assert results(upload(browser, text)) == ["unchanged"] * 2
    apply(browser)
    assert (list(Site.objects.order_by("pk").values()), Event.objects.count()) == before
