"""Signed manifests: what a device checks a file by, and the keys that it needs for that."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import Clock
from fleet.firmware.models import Firmware
from fleet.firmware.services import sign_firmware
from fleet.firmware.tests.conftest import Upload
from fleet.firmware.tests.rows import add_row
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from sites.tests.conftest import newest_event

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "agent" / "src"))

from portcullis_agent import jws
from portcullis_agent.errors import Refused
from portcullis_agent.keys import KeyRing, read_key

pytestmark = pytest.mark.django_db

TYPE = "portcullis-firmware+jwt"
LONG = timedelta(days=400)


@pytest.fixture
def key(clock: Clock) -> SigningKey:
    return create_signing_key(by=COMMAND, at=clock.at)


def key_set() -> dict[str, Any]:
    found: dict[str, Any] = APIClient().get("/.well-known/jwks.json").json()
    return found


def ring_that_pinned(key: SigningKey) -> KeyRing:
    """As an agent that pinned the key, and fetched the set now."""
    jwks = key_set()
    ring = KeyRing([read_key({"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": key.x})])
    ring.extend(jwks)
    signing = next(each["kid"] for each in jwks["keys"] if each["state"] == "signing")
    ring.set_aside_unlisted([each["kid"] for each in jwks["keys"]], signing)
    return ring


def read(manifest: str, ring: KeyRing) -> dict[str, Any]:
    """By the agent's own verifier."""
    token = jws.parse(manifest, typ=TYPE)
    trusted = ring.key(token.kid)
    if trusted is None:
        raise Refused("unknown_key", "the key is not trusted")
    return token.verify(trusted)


def rotate(clock: Clock) -> SigningKey:
    key = create_signing_key(by=COMMAND, at=clock.at)
    clock.move(days=8)
    return activate_signing_key(key.kid, by=COMMAND, at=clock.at)


def manifest_of(api: APIClient, firmware: Any) -> str:
    return str(api.get(f"/api/firmware/{firmware['id']}").json()["manifest"])


def test_the_claims_are_what_was_uploaded(upload: Upload, key: SigningKey, clock: Clock) -> None:
    body = upload(hardware="pi-5", min_from="0.9.0").json()
    assert read(body["manifest"], ring_that_pinned(key)) == {
        "iss": "portcullis",
        "iat": int(clock.at.timestamp()),
        **{name: body[name] for name in ("product", "version", "sha256", "size", "hardware", "min_from")},
    }


def test_what_was_not_given_is_null(upload: Upload, key: SigningKey) -> None:
    claims = read(upload().json()["manifest"], ring_that_pinned(key))
    assert (claims["hardware"], claims["min_from"]) == (None, None)


def test_each_flipped_character_is_refused(upload: Upload, key: SigningKey) -> None:
    manifest, ring = upload().json()["manifest"], ring_that_pinned(key)
    for position in range(len(manifest)):
        other = "B" if manifest[position] != "B" else "C"
        changed = manifest[:position] + other + manifest[position + 1 :]
        with pytest.raises(Refused):
            read(changed, ring)


def test_a_retired_key_can_be_fetched_as_long_as_its_manifest(
    api: APIClient, upload: Upload, key: SigningKey, clock: Clock
) -> None:
    firmware = upload().json()
    rotate(clock)
    clock.at += LONG
    assert read(manifest_of(api, firmware), ring_that_pinned(key))["version"] == "1.0.0"


def test_the_key_leaves_with_the_last_of_its_manifests(
    api: APIClient, upload: Upload, key: SigningKey, clock: Clock
) -> None:
    paths = [f"/api/firmware/{upload(version=version).json()['id']}" for version in ("1.0.0", "1.1.0")]
    second = rotate(clock)
    clock.at += LONG
    for path, listed in zip(paths, ({key.kid, second.kid}, {second.kid}), strict=True):
        api.patch(path, {"withdrawn": True})
        assert {each["kid"] for each in key_set()["keys"]} == listed


def test_a_reinstated_version_keeps_its_key_again(
    api: APIClient, upload: Upload, key: SigningKey, clock: Clock
) -> None:
    firmware = upload().json()
    path = f"/api/firmware/{firmware['id']}"
    rotate(clock)
    api.patch(path, {"withdrawn": True})
    assert api.patch(path, {"withdrawn": False}).json()["manifest"] == firmware["manifest"]
    clock.at += LONG
    assert read(manifest_of(api, firmware), ring_that_pinned(key))


def test_a_version_that_is_reinstated_after_its_key_left_is_signed_anew(
    api: APIClient, upload: Upload, key: SigningKey, clock: Clock
) -> None:
    firmware = upload().json()
    path = f"/api/firmware/{firmware['id']}"
    rotate(clock)
    api.patch(path, {"withdrawn": True})
    clock.at += LONG
    assert api.patch(path, {"withdrawn": False}).json()["manifest"] is None
    assert sign_firmware(at=clock.at) == 1
    assert read(manifest_of(api, firmware), ring_that_pinned(key))["sha256"] == firmware["sha256"]


def test_manifests_of_a_leaked_key_are_signed_anew(
    api: APIClient, upload: Upload, key: SigningKey, clock: Clock
) -> None:
    firmware = upload().json()
    create_signing_key(by=COMMAND, at=clock.at)
    retire_signing_key(key.kid, by=COMMAND, at=clock.at, now=True)
    with pytest.raises(Refused, match="not trusted"):
        read(manifest_of(api, firmware), ring_that_pinned(key))
    assert sign_firmware(at=clock.at) == 1
    assert read(manifest_of(api, firmware), ring_that_pinned(key))["iat"] == int(clock.at.timestamp())
    assert newest_event().action == "firmware.signed"
    assert sign_firmware(at=clock.at) is None


def test_a_firmware_from_before_the_first_key_is_signed_by_it(api: APIClient, upload: Upload, clock: Clock) -> None:
    firmware = upload().json()
    assert firmware["manifest"] is None
    assert sign_firmware(at=clock.at) is None
    key = create_signing_key(by=COMMAND, at=clock.at)
    assert sign_firmware(at=clock.at) == 1
    assert read(manifest_of(api, firmware), ring_that_pinned(key))
    assert api.get(f"/api/firmware/{firmware['id']}")["ETag"] == '"2"'


def test_withdrawn_versions_are_not_signed(api: APIClient, upload: Upload, clock: Clock) -> None:
    api.patch(f"/api/firmware/{upload().json()['id']}", {"withdrawn": True})
    create_signing_key(by=COMMAND, at=clock.at)
    assert sign_firmware(at=clock.at) is None


@pytest.mark.parametrize("harm", ["changed file", "changed row", "shorter file", "no file"])
def test_what_is_not_what_was_uploaded_gets_no_signature_and_keeps_no_other_waiting(
    upload: Upload, folder: Path, clock: Clock, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    harmed, good = (Firmware.objects.get(pk=upload(version=version).json()["id"]) for version in ("1.0.0", "1.1.0"))
    file = folder / harmed.file_name
    if harm == "changed file":
        file.write_bytes(b"\x00" + file.read_bytes()[1:])
    elif harm == "changed row":
        Firmware.objects.filter(pk=harmed.pk).update(sha256="0" * 64)
    elif harm == "shorter file":
        file.write_bytes(b"short")
    else:
        file.unlink()
    create_signing_key(by=COMMAND, at=clock.at)
    assert sign_firmware(at=clock.at) == 1
    assert list(Firmware.objects.exclude(manifest=None)) == [good]
    assert str(harmed.pk) in caplog.text


def test_a_key_that_cannot_sign_leaves_the_manifest_out(upload: Upload, key: SigningKey, settings: Any) -> None:
    settings.LEASE_KEY_SECRETS = ["another secret than the one under which it was sealed"]
    signer.cache_clear()
    answer = upload()
    assert (answer.status_code, answer.json()["manifest"]) == (201, None)


def test_rows_without_files_do_not_fail_the_job(key: SigningKey, clock: Clock) -> None:
    add_row()
    assert sign_firmware(at=clock.at) is None
