"""The page on which one sysadmin requests an erasure and another one confirms it."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Admin
from conftest import Register, RegisteredSite
from erasure.models import ErasureRequest
from erasure.services import request_erasure
from erasure.tests.customers import NAMES, TYPED, add_sysadmin, by, make_customer, signed_in_browser, traces
from panel.tests.test_confirmation import confirm, is_asked
from sites.models import Site

pytestmark = pytest.mark.any_database


@pytest.fixture
def carla(db: None) -> Admin:
    return add_sysadmin("carla")


@pytest.fixture
def closed(roma: RegisteredSite, api: Any) -> uuid.UUID:
    api.delete(roma.path)
    return uuid.UUID(roma.site_id)


def url(name: str, site_id: uuid.UUID) -> str:
    return reverse(f"admin:sites_site_{name}", args=[site_id])


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def request(site_id: uuid.UUID, admin: Admin) -> ErasureRequest:
    return request_erasure(site_id, reason="ticket 12", by=by(admin), at=timezone.now())


def confirm_on_page(client: Client, site_id: uuid.UUID) -> Any:
    return client.post(
        url("erase_confirm", site_id),
        {"requested_at": shown_request(client, site_id), **typed_name(site_id)},
        follow=True,
    )


def shown_request(client: Client, site_id: uuid.UUID) -> str:
    """What the form of the page brings back: which request it has shown."""
    return str(client.get(url("erase", site_id)).context["form"].initial["requested_at"])


def typed_name(site_id: uuid.UUID) -> dict[str, str]:
    return {"typed_name": Site.objects.get(pk=site_id).name}


def test_from_the_button_to_the_erased_site(api: Any, register: Register, anna: Admin, carla: Admin) -> None:
    site_id = uuid.UUID(make_customer(api, register, anna).site_id)
    first, second = signed_in_browser(anna), signed_in_browser(carla)
    assert url("erase", site_id) in text_of(first.get(url("change", site_id)))
    page = text_of(first.get(url("erase", site_id)))
    assert all(part in page for part in (NAMES[1], NAMES[3], TYPED[0], "198.51.100.77", "Heartbeats", "What stays"))
    answer = first.post(url("erase", site_id), {"reason": "ticket 12", **typed_name(site_id)}, follow=True)
    assert "Another sysadmin has to confirm it" in text_of(answer)
    page = text_of(first.get(url("erase", site_id)))
    assert "Another sysadmin has to confirm your request" in page
    assert "Erase for good" not in page
    assert "Requested by anna" in text_of(second.get(url("erase", site_id)))
    page = text_of(confirm_on_page(second, site_id))
    assert "The personal data of this site is erased." in page
    assert "Its personal data was erased" in page
    assert "Personal data erased" in page
    for button in ("Restore", "Erase personal data"):
        assert f">{button}</a>" not in page
    assert traces() == {}


def test_the_session_of_the_person_who_confirms_forgets_the_customer(
    api: Any, register: Register, anna: Admin, carla: Admin
) -> None:
    """It was read before the erasure, and is saved after it."""
    site_id = uuid.UUID(make_customer(api, register, anna).site_id)
    request(site_id, anna)
    client = signed_in_browser(carla)
    shown = shown_request(client, site_id)
    session = client.session
    session["_messages"] = json.dumps([["__json_message", 0, 25, f"{NAMES[0]} was changed."]])
    session["kept_form"] = {"path": url("change", site_id), "entries": {"owner_name": [NAMES[2]]}, "at": 0}
    session.save()
    answer = client.post(url("erase_confirm", site_id), {"requested_at": shown, **typed_name(site_id)})
    assert answer.status_code == 302
    assert traces() == {}
    assert NAMES[0] not in str(client.cookies)
    page = text_of(client.get(url("change", site_id)))
    assert "The personal data of this site is erased." in page
    assert NAMES[0] not in page


def test_the_requester_cannot_confirm_by_a_forged_form(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    page = text_of(confirm_on_page(signed_in_browser(anna), closed))
    assert "Another sysadmin than the one who requested" in page
    assert not Site.objects.get(pk=closed).erased_at


def test_an_account_that_is_younger_than_the_request_cannot_confirm(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    page = text_of(confirm_on_page(signed_in_browser(add_sysadmin("dave")), closed))
    assert "was set up or reset after the request" in page
    assert not Site.objects.get(pk=closed).erased_at


def test_a_request_that_the_page_has_not_shown_is_not_confirmed(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    client = signed_in_browser(carla)
    for seen in ("", "yesterday", "2020-01-01T00:00:00Z"):
        answer = client.post(url("erase_confirm", closed), {"requested_at": seen, **typed_name(closed)}, follow=True)
        assert "There is no such request" in text_of(answer)
    assert not Site.objects.get(pk=closed).erased_at


def test_the_dashboard_tells_sysadmins_of_a_request(closed: uuid.UUID, anna: Admin, carla: Admin, ben: Admin) -> None:
    words = "Erasure of personal data requested"
    colleague, supporter = signed_in_browser(carla), signed_in_browser(ben)
    assert words not in text_of(colleague.get("/admin/"))
    request(closed, anna)
    page = text_of(colleague.get("/admin/"))
    assert words in page
    assert url("erase", closed) in page
    assert words not in text_of(supporter.get("/admin/"))
    confirm_on_page(colleague, closed)
    assert words not in text_of(colleague.get("/admin/"))


@pytest.mark.parametrize("typed", ["", "Trattoria", "12"])
def test_both_steps_need_the_name_of_the_site(typed: str, closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    answer = signed_in_browser(anna).post(url("erase", closed), {"reason": "ticket 12", "typed_name": typed})
    assert list(answer.context["form"].errors) == ["typed_name"]
    assert not ErasureRequest.objects.exists()
    request(closed, anna)
    client = signed_in_browser(carla)
    shown = shown_request(client, closed)
    answer = client.post(url("erase_confirm", closed), {"requested_at": shown, "typed_name": typed})
    assert "Type “Trattoria Roma” to confirm." in text_of(answer)
    assert "Not erased." in text_of(answer)
    assert not Site.objects.get(pk=closed).erased_at
    again = {"requested_at": answer.context["form"]["requested_at"].value(), "typed_name": "trattoria  ROMA "}
    client.post(url("erase_confirm", closed), again)
    assert Site.objects.get(pk=closed).erased_at


def test_a_request_is_withdrawn(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    client = signed_in_browser(carla)
    assert "The request is withdrawn" in text_of(client.post(url("erase_withdraw", closed), follow=True))
    assert not ErasureRequest.objects.exists()
    assert "Request erasure" in text_of(client.get(url("erase", closed)))


def test_a_reason_that_names_the_customer_is_shown_at_its_field(closed: uuid.UUID, anna: Admin) -> None:
    answer = signed_in_browser(anna).post(url("erase", closed), {"reason": "Giulia asked", **typed_name(closed)})
    assert "must not name the restaurant" in text_of(answer)
    assert 'value="Request erasure"' in text_of(answer)
    assert not ErasureRequest.objects.exists()


def test_later_than_ten_minutes_after_the_sign_in_the_password_is_asked_for(
    closed: uuid.UUID, anna: Admin, carla: Admin, clock: Any
) -> None:
    Site.objects.filter(pk=closed).update(deregistered_at=clock.at)
    Admin.objects.update(created_at=clock.at)
    first, second = signed_in_browser(anna), signed_in_browser(carla)
    clock.move(minutes=11)
    asked = first.post(url("erase", closed), {"reason": "ticket 12", **typed_name(closed)})
    assert is_asked(asked)
    assert not ErasureRequest.objects.exists()
    confirm(first, asked)
    shown = shown_request(second, closed)
    asked = second.post(url("erase_confirm", closed), {"requested_at": shown, **typed_name(closed)})
    assert is_asked(asked)
    assert not Site.objects.get(pk=closed).erased_at
    confirm(second, asked)
    assert Site.objects.get(pk=closed).erased_at


def test_a_site_in_service_and_an_erased_one_have_no_such_page(
    roma: RegisteredSite, anna: Admin, carla: Admin, api: Any
) -> None:
    client, site_id = signed_in_browser(carla), uuid.UUID(roma.site_id)
    assert url("erase", site_id) not in text_of(client.get(url("change", site_id)))
    assert "Deregister it first" in text_of(client.get(url("erase", site_id), follow=True))
    api.delete(roma.path)
    request(site_id, anna)
    confirm_on_page(client, site_id)
    assert "was erased already" in text_of(client.get(url("erase", site_id), follow=True))
    assert client.get(url("erase", uuid.uuid4())).status_code == 404


def test_an_erased_site_is_left_out_when_many_are_restored(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    client = signed_in_browser(carla)
    confirm_on_page(client, closed)
    page = client.post("/admin/sites/site/operate/restore/", {"site": [str(closed)]})
    assert "Its personal data was erased" in text_of(page)


def test_the_pages_of_events_show_an_erasure_shortly(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    client = signed_in_browser(carla)
    page = text_of(confirm_on_page(client, closed))
    assert "<dt>Erased events</dt>" in page
    assert "Requested by" in page
    page = text_of(client.get("/admin/audit/event/"))
    assert "[erased]" in page
    assert "Giulia" not in page


def test_the_address_of_a_refused_confirmation_leads_to_the_page(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    answer = signed_in_browser(carla).get(url("erase_confirm", closed), follow=True)
    assert answer.redirect_chain == [(url("erase", closed), 302)]
    assert "Erase for good" in text_of(answer)
