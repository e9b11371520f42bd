"""The verifiers of docs/webhooks, in Python and in JavaScript, hold for every vector and for what Portcullis sends."""

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from alerts.channels.transports import send, webhook
from alerts.tests.transports.examples import MESSAGE_ID, SECRET, incident, message, target
from tests.fake_services.http import FakeHttp
from tests.make_webhook_vectors import VECTORS, document

pytestmark = pytest.mark.any_database
FOLDER = VECTORS.parent
MESSAGE_ID_TEXT = str(MESSAGE_ID)
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    """docs/webhooks/verify.py, as somebody would copy it."""
    spec = importlib.util.spec_from_file_location("webhook_verifier", FOLDER / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_vectors_are_what_the_script_writes() -> None:
    assert VECTORS.read_text(encoding="utf-8") == document(), "Run python -m tests.make_webhook_vectors."


@dataclass
class Handled:
    """The ids that a receiver has stored, and those for which the verifier asked."""

    ids: set[str]
    asked: list[str] = field(default_factory=list)

    def is_new(self, message_id: str) -> bool:
        self.asked.append(message_id)
        is_new = message_id not in self.ids
        self.ids.add(message_id)
        return is_new


def verified(verifier: ModuleType, case: dict[str, Any], handled: Handled) -> Any:
    return verifier.verify(case["headers"], case["body"].encode(), case["secrets"], handled.is_new, case["now"])


@pytest.mark.parametrize("case", [case for case in CASES if case["refused"] is None], ids=lambda case: case["name"])
def test_the_verifier_in_python_accepts_what_is_true(verifier: ModuleType, case: dict[str, Any]) -> None:
    handled = Handled(set(case["handled"]))
    assert verified(verifier, case, handled) == json.loads(case["body"])
    assert case["headers"].get("webhook-id", MESSAGE_ID_TEXT) in handled.ids


@pytest.mark.parametrize("case", [case for case in CASES if case["refused"]], ids=lambda case: case["name"])
def test_the_verifier_in_python_refuses_the_rest(verifier: ModuleType, case: dict[str, Any]) -> None:
    handled = Handled(set(case["handled"]))
    with pytest.raises(verifier.WebhookRefused) as refused:
        verified(verifier, case, handled)
    assert refused.value.code == case["refused"]
    is_true = case["refused"] == "repeated"
    assert isinstance(refused.value, verifier.WebhookRepeated) == is_true
    assert bool(handled.asked) == is_true, "a forged message must not use up an id"


def test_the_verifier_in_javascript_holds() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not on this machine: the verifier in JavaScript was not run")
    done = subprocess.run([node, FOLDER / "check_vectors.mjs"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, f"{len(CASES)} vectors hold"), done.stdout + done.stderr


def test_the_verifier_in_python_imports_the_standard_library_only() -> None:
    modules = {
        line.split()[1].partition(".")[0]
        for line in (FOLDER / "verify.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert modules
    assert modules <= sys.stdlib_module_names


def test_what_portcullis_sends_is_accepted_once(verifier: ModuleType, settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True
    handled = Handled(set())
    with FakeHttp() as service:
        send(message(), target("webhook", service.url(), secret=SECRET))
        send(message(), target("webhook", service.url(), secret=SECRET))
    first, second = service.requests
    assert verifier.verify(first.headers, first.body, [SECRET], handled.is_new)["data"] == incident()
    with pytest.raises(verifier.WebhookRepeated):
        verifier.verify(second.headers, second.body, [SECRET], handled.is_new)
    assert handled.ids == {MESSAGE_ID_TEXT}


@pytest.mark.parametrize("case", [case for case in CASES if case["name"] == "valid"])
def test_the_vectors_have_the_signature_that_portcullis_makes(case: dict[str, Any]) -> None:
    headers = case["headers"]
    made = webhook.signature(
        case["secrets"][0], headers["webhook-id"], int(headers["webhook-timestamp"]), case["body"].encode()
    )
    assert made == headers["webhook-signature"]
