"""The list's order."""

import pytest
from rest_framework.test import APIClient

from conftest import Clock, Register


@pytest.fixture
def _row(api: APIClient, register: Register, clock: Clock) -> None:
    """Bo is oldest, Al expires first, Di called last; Al and Ed never called."""
    expiries = {"Bo": 4, "Al": 1, "Di": 3, "Cy": 2, "Ed": 5}
    sites = {}
    for name, month in expiries.items():
        clock.move(hours=1)
        sites[name] = register(name=name, license_expires_at=f"2027-0{month}-01T00:00:00Z")
    for name in ("Cy", "Bo", "Di"):
        clock.move(hours=1)
        sites[name].call_home()


@pytest.mark.usefixtures("_row")
@pytest.mark.parametrize(
    ("ordering", "names"),
    [
        (None, ["Al", "Bo", "Cy", "Di", "Ed"]),
        ("name", ["Al", "Bo", "Cy", "Di", "Ed"]),
        ("-name", ["Ed", "Di", "Cy", "Bo", "Al"]),
        ("created_at", ["Bo", "Al", "Di", "Cy", "Ed"]),
        ("-created_at", ["Ed", "Cy", "Di", "Al", "Bo"]),
        ("license_expires_at", ["Al", "Cy", "Di", "Bo", "Ed"]),
        ("-license_expires_at", ["Ed", "Bo", "Di", "Cy", "Al"]),
        ("last_seen_at", ["Cy", "Bo", "Di"]),
        ("-last_seen_at", ["Di", "Bo", "Cy"]),
    ],
)
def test_sites_come_in_the_order_asked_for(api: APIClient, ordering: str | None, names: list[str]) -> None:
    query = {"ordering": ordering} if ordering else {}
    listed = [site["name"] for site in api.get("/api/sites", query).json()["results"]]
    assert listed[: len(names)] == names
    assert set(listed[len(names) :]) == {"Al", "Bo", "Cy", "Di", "Ed"} - set(names)  # never seen: last, either way


@pytest.mark.parametrize("ordering", ["name", "-name", "created_at", "-last_seen_at"])
def test_equal_sites_stand_on_exactly_one_page(api: APIClient, register: Register, clock: Clock, ordering: str) -> None:
    registered = {register().site_id for _ in range(7)}
    pages = [
        api.get("/api/sites", {"ordering": ordering, "page_size": "2", "page": str(page)}).json()["results"]
        for page in (1, 2, 3, 4)
    ]
    listed = [site["site_id"] for page in pages for site in page]
    assert (len(listed), set(listed)) == (7, registered)
