"""The list's filters, each alone and all together."""

import pytest
from rest_framework.test import APIClient

from conftest import Clock, Register, RegisteredSite
from sites.tests.conftest import assert_problem


@pytest.fixture
def town(api: APIClient, register: Register, clock: Clock) -> dict[str, RegisteredSite]:
    """Five restaurants, each in another state, at 12:00 on 1 June 2026."""
    sites = {name: register(name=name) for name in ("Never", "Online", "Late", "Offline", "Gone")}
    for name, hours_ago, version in (("Offline", 24, "1.0.0"), ("Late", 6.6, "2.0.0"), ("Online", 0, "2.0.0")):
        clock.move(hours=-hours_ago)
        sites[name].call_home(version=version)
        clock.move(hours=hours_ago)
    api.post(f"{sites['Late'].path}/lock", {"reason": "unpaid"})
    api.patch(sites["Offline"].path, {"is_active": False, "license_expires_at": "2026-05-01T00:00:00Z"})
    api.patch(sites["Never"].path, {"license_expires_at": "2026-06-01T12:00:00Z"})
    api.delete(sites["Gone"].path)
    return sites


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, "Late Never Offline Online"),
        ({"status": "never_seen"}, "Never"),
        ({"status": "online"}, "Online"),
        ({"status": "late"}, "Late"),
        ({"status": "offline"}, "Offline"),
        ({"is_locked": "true"}, "Late"),
        ({"is_locked": "false"}, "Never Offline Online"),
        ({"is_active": "true"}, "Late Never Online"),
        ({"is_active": "false"}, "Offline"),
        ({"licensed": "true"}, "Late Online"),
        ({"licensed": "false"}, "Never Offline"),
        ({"license_expires_before": "2026-06-01T12:00:00Z"}, "Offline"),
        ({"license_expires_before": "2026-06-01T12:00:00.000001Z"}, "Never Offline"),
        ({"license_expires_after": "2026-06-01T12:00:00Z"}, "Late Online"),
        ({"license_expires_after": "2026-06-01T14:00:00+02:00"}, "Late Online"),
        ({"license_expires_after": "2026-05-01T00:00:00Z"}, "Late Never Online"),
        ({"last_seen_before": "2026-06-01T12:00:00Z"}, "Late Offline"),
        ({"last_seen_before": "2026-06-01T12:00:00.000001Z"}, "Late Offline Online"),
        ({"last_seen_before": "2026-05-01T00:00:00Z"}, ""),
        ({"version": "2.0.0"}, "Late Online"),
        ({"version": "2.0"}, ""),
        ({"version": "2.0.0", "is_locked": "false", "licensed": "true", "search": "LINE"}, "Online"),
        ({"license_expires_after": "0001-01-01T00:00:00Z"}, "Late Never Offline Online"),
        ({"license_expires_before": "9999-12-31T23:59:59.999999Z"}, "Late Never Offline Online"),
    ],
)
def test_a_filter_names_its_sites(
    api: APIClient, town: dict[str, RegisteredSite], query: dict[str, str], names: str
) -> None:
    page = api.get("/api/sites", query).json()
    assert [site["name"] for site in page["results"]] == names.split()
    assert page["count"] == len(names.split())


def test_the_receipt_of_the_newest_change_is_a_filter(
    api: APIClient, register: Register, town: dict[str, RegisteredSite]
) -> None:
    nonce = "n" * 16
    town["Online"].call_home(nonce=nonce, applied_revision=1, applied_state="ok")
    town["Late"].call_home(nonce=nonce, applied_revision=1, applied_state="ok")
    requested = register(name="Requested")
    requested.call_home(nonce=nonce, applied_revision=1, applied_state="ok")
    api.post(f"{requested.path}/lock", {"reason": "unpaid"})
    expected = {"applied": "Online", "delivered": "Late", "requested": "Requested", "unreported": "Never Offline"}
    for receipt, names in expected.items():
        page = api.get("/api/sites", {"receipt": receipt}).json()
        assert [site["name"] for site in page["results"]] == names.split()
        assert page["count"] == len(names.split())
    both = api.get("/api/sites", {"receipt": "requested", "is_locked": "false"}).json()
    assert both["count"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "asleep"),
        ("status", ""),
        ("status", "ONLINE"),
        ("receipt", "none"),
        ("receipt", ""),
        ("is_locked", "1"),
        ("is_locked", ""),
        ("is_active", "yes"),
        ("licensed", "null"),
        ("license_expires_before", "tomorrow"),
        ("license_expires_before", "2026-06-01T12:00:00"),
        ("license_expires_after", "2026-06-01"),
        ("license_expires_after", "0001-01-01T00:00:00+01:00"),
        ("last_seen_before", "9999-12-31T23:59:59-01:00"),
        ("last_seen_before", "10000-01-01T00:00:00Z"),
        ("version", ""),
        ("version", "v" * 65),
        ("search", "s" * 1000),
        ("ordering", "owner_name"),
        ("ordering", "--name"),
        ("ordering", "name,created_at"),
        ("ordering", "pulse__last_seen_at"),
        ("ordering", ""),
        ("is_lockd", "true"),
        ("format", "json"),
        ("name__startswith", "R"),
        ("", "x"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(api: APIClient, name: str, value: str) -> None:
    assert_problem(api.get("/api/sites", {name: value}), 400, "invalid", f"/{name}")


@pytest.mark.parametrize("name", ["search", "status", "version", "page", "page_size", "ordering", "nonsense"])
def test_a_nul_in_the_query_is_refused(api: APIClient, name: str) -> None:
    assert_problem(api.get("/api/sites", {name: "a\x00b"}), 400, "invalid", f"/{name}")


@pytest.mark.parametrize("query", ["status=late&status=late", "page=1&page=2", "search=a&search=b"])
def test_a_query_parameter_that_stands_twice_is_refused(api: APIClient, query: str) -> None:
    assert_problem(api.get(f"/api/sites?{query}"), 400, "invalid", f"/{query.partition('=')[0]}")


@pytest.mark.parametrize("search", ["%ED%A0%80", "%FF%FE", "%"])
def test_a_search_that_is_no_utf_8_fails_nothing(api: APIClient, search: str) -> None:
    assert api.get(f"/api/sites?search={search}").status_code in (200, 400)


@pytest.mark.parametrize("suffix", ["", "/events", "/heartbeats"])
def test_an_unknown_query_parameter_is_refused_everywhere(api: APIClient, roma: RegisteredSite, suffix: str) -> None:
    assert_problem(api.get(f"{roma.path}{suffix}?page=1"), 400, "invalid", "/page")


@pytest.mark.parametrize("suffix", ["lock", "unlock", "extend", "rotate-key"])
def test_a_change_with_an_unknown_query_parameter_changes_nothing(
    api: APIClient, roma: RegisteredSite, suffix: str
) -> None:
    before = api.get(roma.path).json()
    answer = api.post(f"{roma.path}/{suffix}?dry_run=true", {"reason": "x", "days": 1})
    assert_problem(answer, 400, "invalid", "/dry_run")
    assert api.get(roma.path).json() == before
