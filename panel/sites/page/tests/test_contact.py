"""Whom to call about a site, its id and the ends of its keys: at the top of its page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.sites.page.contact import email_link, phone_link
from panel.sites.page.tests.site_form import open_page
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("person", ["anna", "ben", "vera"])
def test_the_contact_and_the_id_come_before_everything_that_takes_room(
    request: pytest.FixtureRequest, register: Register, person: str
) -> None:
    site = register(owner_name="Giulia <Conti>", contact_phone="+39 (06) 5550-123")
    page = open_page(request.getfixturevalue(person), site)
    top = page.html.partition("Last 90 days")[0]
    assert "Giulia &lt;Conti&gt;" in top
    assert '<a href="mailto:giulia@roma.example">giulia@roma.example</a>' in top
    assert '<a href="tel:+39065550123">+39 (06) 5550-123</a>' in top
    assert f'<code id="site-id">{site.site_id}</code>' in top
    assert f"Key hint…{site.key[-4:]}" in page.text.replace("Key hint ", "Key hint")


def test_a_site_without_a_phone_number_shows_none(anna: Admin, roma: RegisteredSite) -> None:
    assert "tel:" not in open_page(anna, roma).html


def test_two_numbers_are_shown_without_a_link(anna: Admin, register: Register) -> None:
    page = open_page(anna, register(contact_phone="06 5550 123 / 06 5550 124"))
    assert "tel:" not in page.html
    assert "Phone 06 5550 123 / 06 5550 124" in page.text.partition("Last 90 days")[0]


def test_only_the_keys_that_work_are_shown(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    for _ in range(2):
        api.post(f"{roma.path}/rotate-key", {"overlap_hours": 24})
    oldest, old, newest = SiteKey.objects.order_by("pk")
    SiteKey.objects.filter(pk=oldest.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    text = open_page(anna, roma).text.partition("Last 90 days")[0]
    assert re.findall(r"(Key hint|Old key hint) (…\w{4}) Copy", text) == [
        ("Key hint", newest.hint),
        ("Old key hint", old.hint),
    ]
    assert f"{old.hint} Copy works until " in text


def test_nobody_is_written_to_after_an_erasure(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    api.delete(roma.path)
    Site.objects.update(contact_email="[erased]", erased_at=timezone.now())
    assert "mailto:" not in open_page(anna, roma).html


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("giulia@roma.example", "mailto:giulia@roma.example"),
        ("a?bcc=eve@evil.example", "mailto:a%3Fbcc%3Deve@evil.example"),
        ("a&b+c@roma.example", "mailto:a%26b%2Bc@roma.example"),
    ],
)
def test_an_address_adds_no_headers_to_a_message(address: str, link: str) -> None:
    assert email_link(address) == link


@pytest.mark.parametrize(
    ("phone", "link"),
    [
        ("06 5550-123", "tel:065550123"),
        ("+39 06 5550.123", "tel:+39065550123"),
        ("+44 (0)20 7946/0123", "tel:+442079460123"),
        ("(+39) 06 5550", "tel:+39065550"),
        ("(0)6 5550", "tel:065550"),
        ("06 5550 + 1", "tel:0655501"),
        ("+39 06 5550 123 4567", "tel:+390655501234567"),
        ("06 5550 123 / 06 5550 124", ""),
        ("+39 06 5550 123 / 124 / 125", ""),
    ],
)
def test_a_phone_number_is_dialled_without_what_only_parts_it(phone: str, link: str) -> None:
    assert phone_link(phone) == link
