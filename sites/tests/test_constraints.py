"""The database has the last word: each rule that a row can break, broken behind the services' back."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import Admin
from conftest import Register, RegisteredSite
from idempotency.models import IdempotentRequest
from sites.models import Organization, SavedView, Site, SiteKey, SitePulse, SiteTag
from sites.tests.conftest import TICK

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def refuses(operate: Callable[[], object], constraint: str) -> None:
    """The database refuses it, and for that reason: a savepoint keeps the test's transaction usable."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        operate()
    message = str(refusal.value)
    if constraint in message:
        return
    # SQLite names the columns of a broken unique index, not the index.
    assert connection.vendor == "sqlite", message
    assert message == SQLITE_WORDS[constraint]


SQLITE_WORDS = {
    "sitekey_digest_unique": "UNIQUE constraint failed: sites_sitekey.digest",
    "sitetag_once_for_a_site": "UNIQUE constraint failed: sites_sitetag.name, sites_sitetag.site_id",
    "organization_slug_unique": "UNIQUE constraint failed: sites_organization.slug",
    "savedview_name_once_for_an_owner": "UNIQUE constraint failed: sites_savedview.owner_id, sites_savedview.name",
    "savedview_name_once_for_everybody": "UNIQUE constraint failed: sites_savedview.name",
    "sitekey_one_newest": "UNIQUE constraint failed: sites_sitekey.site_id",
    "idempotentrequest_once": "UNIQUE constraint failed: idempotency_idempotentrequest.admin_id, "
    "idempotency_idempotentrequest.path, idempotency_idempotentrequest.key",
}


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("site_locked_iff_reason", {"is_locked": True}),
        ("site_locked_iff_reason", {"is_locked": True, "lock_reason": "unpaid"}),
        ("site_locked_iff_reason", {"is_locked": True, "locked_at": NOON}),
        ("site_locked_iff_reason", {"lock_reason": "unpaid"}),
        ("site_locked_iff_reason", {"locked_at": NOON}),
        ("site_locked_iff_reason", {"lock_reason": "unpaid", "locked_at": NOON}),
        ("site_lock_reason_length", {"is_locked": True, "lock_reason": "", "locked_at": NOON}),
        ("site_name_not_empty", {"name": ""}),
        ("site_owner_not_empty", {"owner_name": ""}),
        ("site_email_not_empty", {"contact_email": ""}),
        ("site_timezone_not_empty", {"timezone": ""}),
        ("site_searchable", {"search_text": ""}),
        ("site_revision_positive", {"revision": 0}),
        ("site_erased_stays_deregistered", {"erased_at": NOON}),
    ],
)
def test_a_site_cannot_contradict_itself(roma: RegisteredSite, constraint: str, columns: dict[str, Any]) -> None:
    refuses(lambda: Site.objects.update(**columns), constraint)


@pytest.mark.parametrize(
    "columns",
    [{"is_locked": True, "lock_reason": "unpaid", "locked_at": NOON}, {"revision": 1}, {"name": "x"}],
)
def test_a_site_that_keeps_the_rules_is_taken(roma: RegisteredSite, columns: dict[str, Any]) -> None:
    assert Site.objects.update(**columns) == 1


@pytest.mark.skipif(connection.vendor != "sqlite", reason="elsewhere the column's type is shorter than the rule")
def test_a_reason_over_500_characters_is_refused(roma: RegisteredSite) -> None:
    columns = {"is_locked": True, "lock_reason": "x" * 501, "locked_at": NOON}
    refuses(lambda: Site.objects.update(**columns), "site_lock_reason_length")


@pytest.mark.parametrize(
    "column", ["license_expires_at", "created_at", "updated_at", "name", "is_locked", "search_text"]
)
def test_a_site_without_one_of_its_facts_is_refused(roma: RegisteredSite, column: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.update(**{column: None})


def test_two_keys_never_have_the_same_digest(register: Register) -> None:
    first, second = (SiteKey.objects.get(site=register().site_id) for _ in range(2))
    refuses(lambda: SiteKey.objects.filter(pk=second.pk).update(digest=first.digest), "sitekey_digest_unique")


def test_a_site_never_has_two_newest_keys(roma: RegisteredSite) -> None:
    refuses(
        lambda: SiteKey.objects.create(site_id=roma.site_id, digest="0" * 64, hint="…0000", created_at=NOON),
        "sitekey_one_newest",
    )
    for older in ({"expires_at": NOON}, {"revoked_at": NOON}):
        digest = uuid.uuid4().hex * 2
        SiteKey.objects.create(site_id=roma.site_id, digest=digest, hint="…0000", created_at=NOON, **older)


@pytest.mark.parametrize("digest", ["", "0" * 63, "psk_"])
def test_a_digest_has_64_digits(roma: RegisteredSite, digest: str) -> None:
    refuses(lambda: SiteKey.objects.update(digest=digest), "sitekey_digest_length")


@pytest.mark.parametrize(
    ("seen", "due"),
    [(None, NOON), (NOON, None), (NOON, NOON), (NOON, NOON - TICK), (NOON, NOON - timedelta(days=1))],
)
def test_a_site_is_due_after_it_was_seen(roma: RegisteredSite, seen: datetime | None, due: datetime | None) -> None:
    SitePulse.objects.update(last_seen_at=NOON, due_at=NOON + TICK)
    refuses(lambda: SitePulse.objects.update(last_seen_at=seen, due_at=due), "sitepulse_due_after_seen")


@pytest.mark.parametrize("field", ["instance_id", "boot_id", "sequence"])
def test_a_pulse_has_a_whole_boot_or_none(roma: RegisteredSite, field: str) -> None:
    boot: dict[str, Any] = {"instance_id": uuid.uuid4(), "boot_id": uuid.uuid4(), "sequence": 1}
    SitePulse.objects.update(**boot)
    refuses(lambda: SitePulse.objects.update(**{field: None}), "sitepulse_boot_whole_or_none")


def test_a_site_has_a_tag_once_and_another_site_may_have_it_too(register: Register) -> None:
    first, second = (register().site_id for _ in range(2))
    SiteTag.objects.create(site_id=first, name="pilot")
    SiteTag.objects.create(site_id=second, name="pilot")
    refuses(lambda: SiteTag.objects.create(site_id=first, name="pilot"), "sitetag_once_for_a_site")


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("", "sitetag_length"),
        ("Pilot", "sitetag_lower_case"),
        (" pilot", "sitetag_trimmed"),
        ("pilot ", "sitetag_trimmed"),
    ],
)
def test_a_tag_is_a_short_word_in_lower_case(roma: RegisteredSite, name: str, constraint: str) -> None:
    refuses(lambda: SiteTag.objects.create(site_id=roma.site_id, name=name), constraint)


def organization(**columns: Any) -> Organization:
    return Organization.objects.create(**{"name": "Conti", "slug": "conti", "search_text": "conti", **columns})


def test_a_slug_is_of_one_organization(db: None) -> None:
    organization()
    refuses(organization, "organization_slug_unique")
    organization(slug="conti-2")


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("organization_slug_characters", {"slug": "Conti"}),
        ("organization_slug_characters", {"slug": "cont\u00ec"}),
        ("organization_slug_characters", {"slug": "conti roma"}),
        ("organization_slug_characters", {"slug": " conti"}),
        ("organization_slug_length", {"slug": ""}),
        ("organization_slug_no_hyphen_first", {"slug": "-conti"}),
        ("organization_name_not_empty", {"name": ""}),
        ("organization_searchable", {"search_text": ""}),
    ],
)
def test_an_organization_has_a_name_and_a_plain_slug(db: None, constraint: str, columns: dict[str, Any]) -> None:
    refuses(lambda: organization(**columns), constraint)


def test_the_revision_of_an_organization_is_positive(db: None) -> None:
    organization()
    # The column's type refuses negative numbers already, the constraint refuses 0.
    refuses(lambda: Organization.objects.update(revision=0), "organization_revision_positive")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="elsewhere the column's type has the same rule")
def test_a_slug_has_at_most_64_characters(db: None) -> None:
    organization(slug="x" * 64)
    refuses(lambda: organization(slug="x" * 65), "organization_slug_length")


def test_an_organization_with_a_site_cannot_be_deleted(roma: RegisteredSite) -> None:
    Site.objects.update(organization=organization())
    with pytest.raises(ProtectedError):
        Organization.objects.all().delete()
    refuses_at_commit(lambda: Organization.objects.all()._raw_delete("default"))


def test_an_owner_has_one_view_of_a_name_and_everybody_another(anna: Admin, ben: Admin) -> None:
    for owner in (anna, ben, None):
        SavedView.objects.create(owner=owner, name="North")
    refuses(lambda: SavedView.objects.create(owner=anna, name="North"), "savedview_name_once_for_an_owner")
    refuses(lambda: SavedView.objects.create(owner=None, name="North"), "savedview_name_once_for_everybody")


def test_a_view_has_a_name(anna: Admin) -> None:
    refuses(lambda: SavedView.objects.create(owner=anna, name=""), "savedview_name_length")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="elsewhere the column's type has the same rule")
def test_the_query_of_a_view_has_at_most_2000_characters(anna: Admin) -> None:
    refuses(lambda: SavedView.objects.create(owner=anna, name="x", query="x" * 2001), "savedview_query_length")


def request(admin: Admin, **columns: Any) -> IdempotentRequest:
    return IdempotentRequest.objects.create(
        **{"admin": admin, "path": "/api/sites", "key": "k", "body_digest": "0" * 64, "created_at": NOON, **columns}
    )


def test_an_idempotency_key_is_claimed_once_per_admin_and_path(anna: Admin, ben: Admin) -> None:
    request(anna)
    refuses(lambda: request(anna, body_digest="1" * 64), "idempotentrequest_once")
    request(ben)
    request(anna, path="/api/sites/x/extend")
    request(anna, key="K")


@pytest.mark.parametrize("status", [100, 199, 300, 400, 409, 500])
def test_only_a_success_can_be_stored(anna: Admin, status: int) -> None:
    refuses(lambda: request(anna, status=status), "idempotentrequest_success")


@pytest.mark.parametrize("status", [None, 200, 201, 299])
def test_a_success_and_a_claim_can_be_stored(anna: Admin, status: int | None) -> None:
    assert request(anna, status=status).status == status


def refuses_at_commit(operate: Callable[[], object]) -> None:
    """For foreign keys, which are checked when the transaction ends."""

    def operate_and_check() -> None:
        operate()
        connection.check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        operate_and_check()


def test_a_site_with_a_key_cannot_be_deleted(roma: RegisteredSite) -> None:
    with pytest.raises(ProtectedError):
        Site.objects.all().delete()
    refuses_at_commit(lambda: Site.objects.all()._raw_delete("default"))


@pytest.mark.parametrize("model", [SiteKey, SitePulse, SiteTag])
def test_a_key_and_a_pulse_need_their_site(roma: RegisteredSite, model: Any) -> None:
    SiteTag.objects.create(site_id=roma.site_id, name="pilot")
    refuses_at_commit(lambda: model.objects.update(site_id=uuid.uuid4()))


def test_every_constraint_on_sites_is_broken_here() -> None:
    """A rule that is added without a test of its own shows here."""
    source = Path(__file__).read_text(encoding="utf-8")
    for model in (Site, SiteKey, SitePulse, SiteTag, SavedView, Organization, IdempotentRequest):
        for constraint in model._meta.constraints:
            assert f'"{constraint.name}"' in source, constraint.name
