"""ETag and If-Match: nobody overwrites what he has not seen."""

import pytest
from rest_framework.test import APIClient

from conftest import RegisteredSite
from sites.tests.conftest import FACTS, actions, assert_problem


def edit(api: APIClient, site: RegisteredSite, tag: str, method: str = "patch") -> int:
    answer = getattr(api, method)(site.path, {**FACTS, "name": "Roma"}, headers={"If-Match": tag})
    if answer.status_code != 200:
        assert_problem(answer, 412, "site_changed_meanwhile")
    return int(answer.status_code)


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_with_the_present_tag_happens_once(api: APIClient, roma: RegisteredSite, method: str) -> None:
    tag = api.get(roma.path).headers["ETag"]
    assert edit(api, roma, tag, method) == 200
    assert edit(api, roma, tag, method) == 412
    assert actions() == ["registered", "updated"]


def test_the_answer_to_a_change_carries_the_next_tag(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.patch(roma.path, {"name": "A"}).headers["ETag"]
    assert tag == api.get(roma.path).headers["ETag"]
    assert edit(api, roma, tag) == 200


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("lock", {"reason": "unpaid"}),
        ("extend", {"days": 1}),
        ("rotate-key", {}),
    ],
)
def test_another_admins_change_of_any_kind_breaks_the_condition(
    api: APIClient, roma: RegisteredSite, action: str, body: dict[str, object]
) -> None:
    tag = api.get(roma.path).headers["ETag"]
    assert api.post(f"{roma.path}/{action}", body).status_code == 200
    assert api.get(roma.path).headers["ETag"] != tag
    assert edit(api, roma, tag) == 412


def test_there_and_back_again_is_a_change_too(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.get(roma.path).headers["ETag"]
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    api.post(f"{roma.path}/unlock")
    assert edit(api, roma, tag) == 412


def test_heartbeats_do_not_break_the_condition(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.get(roma.path).headers["ETag"]
    for _ in range(3):
        roma.call_home()
    assert api.get(roma.path).headers["ETag"] == tag
    assert edit(api, roma, tag) == 200


def test_a_key_that_is_retired_by_heartbeats_does_not_break_the_condition(api: APIClient, roma: RegisteredSite) -> None:
    new_key = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    tag = api.get(roma.path).headers["ETag"]
    for _ in range(2):
        roma.call_home(new_key)
    assert actions()[-1] == "key_retired"
    assert edit(api, roma, tag) == 200


def test_a_star_and_no_condition_at_all_always_match(api: APIClient, roma: RegisteredSite) -> None:
    assert edit(api, roma, "*") == 200
    assert api.patch(roma.path, {"name": "B"}).status_code == 200


def test_one_matching_tag_of_several_is_enough(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.get(roma.path).headers["ETag"]
    assert edit(api, roma, f'"foreign", {tag}') == 200


def test_a_tag_that_a_proxy_weakened_matches(api: APIClient, roma: RegisteredSite) -> None:
    assert edit(api, roma, "W/" + api.get(roma.path).headers["ETag"]) == 200


@pytest.mark.parametrize("tag", ['"0"', '"2"', '"x"', '""', '"-1"', '"1.0"', '"' + "9" * 500 + '"', '"١"', "é"])
def test_a_foreign_tag_changes_nothing(api: APIClient, roma: RegisteredSite, tag: str) -> None:
    assert api.get(roma.path).headers["ETag"] == '"1"'
    assert edit(api, roma, tag) == 412
    assert actions() == ["registered"]


def test_the_condition_holds_for_a_change_to_what_is_already_so(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.get(roma.path).headers["ETag"]
    api.patch(roma.path, {"name": "Roma"})
    assert edit(api, roma, tag) == 412
