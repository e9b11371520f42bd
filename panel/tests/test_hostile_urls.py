"""Every URL of the panel, with each role and with what only an attacker sends: nothing fails, and nothing raises an alarm."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, reverse

from common.tests.logged import log_lines
from panel.tests.urls import patterns

pytestmark = pytest.mark.slow

HUGE = "9" * 30
TEXTS = ("%00", "%FF", "x", HUGE)
# Parameters that Django or the panel reads on some page.
READ = ("p", "q", "o", "site", "e", "_to_field", "status", "view", "role__exact", "actor")
QUERIES = tuple("&".join(f"{name}={text}" for name in (*READ, "term", "next", "_popup")) for text in TEXTS)
LIST_QUERIES = (
    *(f"{name}={text}" for name in READ for text in TEXTS),
    "o=1.-2.99",
    "p=-1",
    "all=",
    "_facets=True",
    "password__startswith=a",
    "id__exact=1",
    "is_active__in=%00",
    "licensed__isnull=x",
)
# Django's shortcut to the public page of any object, and its search for fields with autocompletion.
SHORTCUTS = (
    *(f"/admin/r/{content_type}/x/" for content_type in range(1, 15)),
    "/admin/r/%00/%00/",
    f"/admin/r/{HUGE}/1/",
    "/admin/autocomplete/",
    "/admin/autocomplete/?app_label=x&model_name=y&field_name=z&term=%00",
    "/admin/autocomplete/?app_label=sites&model_name=sitekey&field_name=site&term=%00",
)
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"action": "lock", "_selected_action": "\0", "index": HUGE},
    {"action": "export_selected", "_selected_action": ["x", HUGE], "select_across": "1"},
    {"confirmed": "yes", "site": "\0", "reason": "\0", "shown": "{", "run": "x", "days": HUGE, "expires": "\0"},
    {"name": "\0", "username": "\0", "password": "\0", "code": "\0", "answer": "\0", "file": "\0", "family": "\0"},
)


def paths(pattern: URLPattern, objects: dict[str, Any]) -> Iterator[str]:
    """The address of an existing object, if there is one, and addresses with ids that nobody has."""
    name = str(pattern.name)
    table = name.rpartition("_")[0]
    known = {"object_id": objects.get(table, 1), "app_label": "sites", "operation": "lock", **objects}
    parameters = pattern.pattern.regex.groupindex if name == "app_list" else pattern.pattern.converters
    values = {key: known.get(key, "1") for key in parameters}
    values |= {"run_id": objects["site_id"]} if "run_id" in values else {}
    right = reverse(f"admin:{name}", kwargs=values)
    yield right
    for value in map(quote, map(str, values.values())):
        for text in TEXTS:
            yield right.replace(value, text)


def hostile_requests(browser: Client, objects: dict[str, Any], *, is_sysadmin: bool) -> Iterator[tuple[str, Any]]:
    for pattern in patterns(admin.site.urls[0]):
        right, *wrong = paths(pattern, objects)
        # One parameter at a time only as sysadmin, who sees all lists: a first wrong parameter may hide the others.
        is_list = str(pattern.name).endswith("_changelist")
        queries = (*QUERIES, *(LIST_QUERIES if is_list and is_sysadmin else ()))
        for path in (*wrong, *(f"{right}?{query}" for query in queries)):
            yield f"GET {path}", browser.get(path)
        for body in BODIES if pattern.name != "logout" else ():
            yield f"POST {right} {body}", browser.post(right, body)
    for path in SHORTCUTS:
        yield f"GET {path}", browser.get(path)


# Roles that see less, with a part of the sysadmin's requests.
FEWER = [pytest.param(name, marks=[pytest.mark.any_database, pytest.mark.long]) for name in ("ben", "vera")]


@pytest.mark.parametrize("name", ["anna", *FEWER, pytest.param(None, marks=pytest.mark.any_database)])
def test_nothing_that_a_browser_can_send_is_an_error(
    name: str | None, objects: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    browser = Client(raise_request_exception=False)
    if name:
        browser.force_login(request.getfixturevalue(name))
    failed, sent = [], 0
    with log_lines(logging.ERROR) as log:
        for what, answer in hostile_requests(browser, objects, is_sysadmin=name == "anna"):
            sent += 1
            if answer.status_code >= 500:
                failed.append(f"{what}: {answer.status_code}")
    assert failed == []
    assert [entry["message"] for entry in log.entries if entry["level"] == "ERROR"] == []
    assert sent > 500
