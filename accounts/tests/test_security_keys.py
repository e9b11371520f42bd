"""Security keys and passkeys: what they prove, and what is refused that only looks so."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from accounts.models import Admin, SecurityKey
from accounts.tests.factors import (
    KEY_PAGE,
    SECOND,
    SoftKey,
    after_password,
    app_of,
    browser,
    is_in,
    present_factor,
    register_key,
    sign_in_with,
    signed_in,
)
from accounts.tests.tokens import login
from conftest import PASSWORD

pytestmark = [pytest.mark.usefixtures("anna"), pytest.mark.any_database]


@pytest.fixture
def key() -> SoftKey:
    """Anna's, registered."""
    made = SoftKey()
    answer = register_key(signed_in(), made)
    assert len(answer.context["codes"]) == 10
    return made


def test_a_registered_key_signs_in(key: SoftKey) -> None:
    client = after_password(leads_to="/admin/account/")
    answer = sign_in_with(client, key)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/account/")
    assert is_in(client)
    assert SecurityKey.objects.get().last_used_at is not None


def test_several_keys_each_sign_in(key: SoftKey) -> None:
    other = SoftKey()
    assert register_key(signed_in(), other, "red").status_code == 302, "no new recovery codes"
    for each in (other, key):
        assert sign_in_with(after_password(), each).status_code == 302


LIES: dict[str, dict[str, Any]] = {
    "another private key": {"private": ec.generate_private_key(ec.SECP256R1())},
    "another challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "another host's hash": {"host": "evil.example"},
    "nobody there": {"flags": 0x00},
    "a registration": {"kind": "webauthn.create"},
}


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_signs_nobody_in_and_is_counted(key: SoftKey, lie: dict[str, Any]) -> None:
    client = after_password()
    for _ in range(10):
        assert sign_in_with(client, key, **lie).status_code == 200
    assert not is_in(client)
    assert sign_in_with(after_password(address="198.51.100.4"), key).status_code == 302
    assert client.post(SECOND, {"code": "1"}).status_code == 429


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "https://sub.localhost", "http://192.0.2.1", "null", ""],
)
def test_a_page_of_another_origin_is_refused(key: SoftKey, origin: str) -> None:
    key.origin = origin
    assert sign_in_with(after_password(), key).status_code == 200


def test_a_key_of_another_admin_is_refused(key: SoftKey, ben: Admin) -> None:
    app_of(ben)
    bens = SoftKey()
    register_key(signed_in("ben"), bens)
    client = after_password()
    options = client.get(SECOND).context["options"]
    assert client.post(SECOND, {"answer": bens.get(options)}).status_code == 200
    assert not is_in(client)


def test_an_answer_is_taken_once(key: SoftKey) -> None:
    client = after_password()
    answer = key.get(client.get(SECOND).context["options"])
    assert client.post(SECOND, {"answer": answer}).status_code == 302
    again = after_password()
    again.get(SECOND)
    assert again.post(SECOND, {"answer": answer}).status_code == 200


def test_an_answer_without_a_question_is_refused(key: SoftKey) -> None:
    asked, client = after_password(), after_password()
    answer = key.get(asked.get(SECOND).context["options"])
    assert client.post(SECOND, {"answer": answer}).status_code == 200


def test_a_key_that_counts_backwards_is_a_copy(key: SoftKey) -> None:
    assert sign_in_with(after_password(), key, counts_by=5).status_code == 302
    assert sign_in_with(after_password(), key, counts_by=0).status_code == 200
    assert sign_in_with(after_password(), key, counts_by=-2).status_code == 200
    assert sign_in_with(after_password(), key, counts_by=9).status_code == 302


def test_a_key_that_never_counts_signs_in_each_time() -> None:
    made = SoftKey()
    register_key(signed_in(), made)
    for _ in range(2):
        assert sign_in_with(after_password(), made, counts_by=0).status_code == 302


def test_a_removed_key_signs_nobody_in(key: SoftKey) -> None:
    client = signed_in()
    register_key(client, SoftKey(), "red")
    blue = SecurityKey.objects.get(name="blue")
    page = f"/admin/account/security-keys/{blue.pk}/remove/"
    assert "“blue”" in client.get(page).content.decode()
    assert client.post(page, {"password": PASSWORD, **present_factor(client)}).status_code == 302
    assert sign_in_with(after_password(), key).status_code == 200


def test_nobody_removes_the_key_of_another(key: SoftKey, ben: Admin) -> None:
    page = f"/admin/account/security-keys/{SecurityKey.objects.get().pk}/remove/"
    client = signed_in("ben")
    assert client.get(page).status_code == 404
    client.post(page, {"password": PASSWORD})
    assert SecurityKey.objects.exists()


def test_without_the_password_no_key_is_registered() -> None:
    answer = register_key(signed_in(), SoftKey(), password="wrong")
    assert "not your password" in answer.content.decode()
    assert not SecurityKey.objects.exists()


def test_two_keys_of_one_name_and_one_key_twice_are_refused(key: SoftKey, ben: Admin) -> None:
    client = signed_in()
    assert "You have a security key of that name" in register_key(client, SoftKey()).content.decode()
    assert "registered already" in register_key(client, key, "red").content.decode()
    assert "registered already" in register_key(signed_in("ben"), key).content.decode()
    assert SecurityKey.objects.count() == 1


@pytest.mark.parametrize("changed", [{"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, {"host": "evil.example"}])
def test_a_registration_that_does_not_fit_is_refused(changed: dict[str, Any]) -> None:
    assert "not recognised" in register_key(signed_in(), SoftKey(), **changed).content.decode()
    assert not SecurityKey.objects.exists()


def garbage() -> list[str]:
    good = json.loads(SoftKey().create({"publicKey": {"rp": {"id": "localhost"}, "challenge": "A" * 43}}))
    broken = [{**good, "response": {**good["response"], "attestationObject": cut}} for cut in ("", "oA", "_____", 5)]
    others = ["", "x", "null", "[]", "{}", "5", '"x"', "[" * 9000, '{"id": null}', '{"rawId": "AA", "response": {}}']
    return [*others, *map(json.dumps, [*broken, {**good, "rawId": 5}, {**good, "id": "AA"}, {**good, "type": "x"}])]


@pytest.mark.slow
@pytest.mark.parametrize("answer", garbage())
def test_garbage_is_refused_when_adding_and_when_signing_in(key: SoftKey, answer: str) -> None:
    client: Client = signed_in()
    client.get(KEY_PAGE)
    form = {"name": "red", "password": PASSWORD, "answer": answer}
    assert client.post(KEY_PAGE, form).status_code == 200
    waiting = after_password()
    waiting.get(SECOND)
    assert waiting.post(SECOND, {"answer": answer}).status_code == 200
    assert SecurityKey.objects.count() == 1


def test_an_address_is_no_name_for_a_key_and_the_page_says_so() -> None:
    client = signed_in()
    page = client.get(KEY_PAGE, HTTP_HOST="127.0.0.1").content.decode()
    assert "Browsers allow security keys only for a host name" in page
    assert (
        "Open the panel by host name, not by IP address"
        in client.get("/admin/account/", HTTP_HOST="[::1]").content.decode()
    )


def test_a_key_of_another_host_name_is_not_asked_for(settings: Any, key: SoftKey) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "licenses.example.com"]
    client = browser(host="licenses.example.com")
    client.post("/admin/login/", {"username": "anna", "password": PASSWORD})
    answer = client.get(SECOND)
    assert answer.context["options"] is None
    assert "set up for another host name" in answer.content.decode()


def test_a_key_says_nothing_of_its_owner_to_its_finder() -> None:
    person = signed_in().get(KEY_PAGE).context["options"]["publicKey"]["user"]
    assert len(person["id"]) == 43
    assert login().status_code == 200
