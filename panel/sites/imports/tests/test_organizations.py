"""The column `organization` of a file: a slug, or a name that only one organization has."""

import pytest
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Register, RegisteredSite
from panel.sites.imports.tests.importing import EXPORT, NEW, apply, lines, messages, problems, results, upload
from panel.tests.screen import browser_of
from sites.models import Organization, Site
from sites.services import create_organization, update_organization
from sites.tests.conftest import newest_event

pytestmark = pytest.mark.any_database


@pytest.fixture
def conti(db: None) -> Organization:
    return create_organization(name="Trattorie Conti", slug="conti", by=COMMAND, at=timezone.now())


@pytest.mark.parametrize("written", ["conti", "Trattorie Conti", " conti "])
def test_a_row_puts_a_site_into_an_organization(
    anna: Admin, roma: RegisteredSite, conti: Organization, written: str
) -> None:
    browser = browser_of(anna)
    answer = upload(browser, lines("site_id,organization", f"{roma.site_id},{written}"))
    assert results(answer) == ["change"]
    assert "<code>organization</code>: <del>–</del> → <ins>conti</ins>" in answer.content.decode()
    apply(browser)
    assert Site.objects.get().organization == conti
    assert newest_event().changes == {"organization": [None, "conti"]}


def test_the_preview_shows_the_organization_before_and_after(
    anna: Admin, register: Register, conti: Organization
) -> None:
    create_organization(name="Rossi", by=COMMAND, at=timezone.now())
    site = register(organization_id=str(conti.pk))
    answer = upload(browser_of(anna), lines("site_id,organization", f"{site.site_id},Rossi"))
    assert "<del>conti</del> → <ins>rossi</ins>" in answer.content.decode()


def test_a_new_site_is_registered_in_its_organization(anna: Admin, conti: Organization) -> None:
    browser = browser_of(anna)
    assert results(upload(browser, lines(f"{NEW},organization", "Roma,Giulia,g@roma.example,conti"))) == ["register"]
    apply(browser)
    assert Site.objects.get().organization == conti


def test_an_unknown_organization_is_refused_with_the_other_problems_of_the_row(
    anna: Admin, roma: RegisteredSite, conti: Organization
) -> None:
    answer = upload(
        browser_of(anna),
        lines("site_id,contact_email,organization", f"{roma.site_id},nobody,CONTI", ",,rossi"),
    )
    found = problems(answer)
    assert (2, "organization", "There is no such organization. Add it first. Given: CONTI") in found
    assert (3, "organization", "There is no such organization. Add it first. Given: rossi") in found
    assert {(line, column) for line, column, _ in found} >= {(2, "contact_email"), (3, "name")}
    assert not answer.context["can_apply"]


def test_a_name_that_two_have_is_refused_and_their_slugs_are_named(
    anna: Admin, roma: RegisteredSite, conti: Organization
) -> None:
    create_organization(name="Trattorie Conti", slug="conti-2", by=COMMAND, at=timezone.now())
    answer = upload(browser_of(anna), lines("site_id,organization", f"{roma.site_id},Trattorie Conti"))
    [(_, column, why)] = problems(answer)
    assert (column, why) == (
        "organization",
        "Several organizations have this name. Write the slug of one: conti, conti-2.",
    )


def test_a_slug_wins_over_a_name(anna: Admin, roma: RegisteredSite, conti: Organization) -> None:
    create_organization(name="conti", slug="other", by=COMMAND, at=timezone.now())
    browser = browser_of(anna)
    upload(browser, lines("site_id,organization", f"{roma.site_id},conti"))
    apply(browser)
    assert Site.objects.get().organization == conti


def test_an_empty_cell_and_an_unchanged_export_change_nothing(
    anna: Admin, register: Register, conti: Organization
) -> None:
    site = register(organization_id=str(conti.pk))
    browser = browser_of(anna)
    exported = b"".join(browser.get(EXPORT).streaming_content)
    assert b",conti\r\n" in exported
    for content in (exported, lines("site_id,name,organization", f"{site.site_id},Trattoria Roma,")):
        assert results(upload(browser, content)) == ["unchanged"]


def test_a_slug_that_changes_between_preview_and_apply_writes_nothing(
    anna: Admin, roma: RegisteredSite, conti: Organization
) -> None:
    browser = browser_of(anna)
    upload(browser, lines("site_id,name,organization", f"{roma.site_id},New,conti"))
    update_organization(conti.pk, {"slug": "rossi"}, by=COMMAND, at=timezone.now())
    assert messages(apply(browser)) == ["There is no organization conti any more. Upload the file again."]
    assert (Site.objects.get().organization, Site.objects.get().name) == (None, "Trattoria Roma")
