"""Write docs/webhooks/vectors.json: `python -m tests.make_webhook_vectors`.

The signatures are calculated here from the text of the specification, and not by the code that they test.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "docs/webhooks/vectors.json"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUY="
ID = "0190a5b0-7d3c-7c3a-9f3e-2f1f5f0c1a11"
AT = 1_780_315_200
BODY = (
    '{"type":"incident.opened","timestamp":"2026-06-01T12:00:00Z","data":{"id":"0190a5b0-0000-7000-8000-000000000001",'
    '"kind":"site_offline","severity":"critical","state":"open","site_id":"0190a5b0-0000-7000-8000-0000000000aa","sites":1,'
    '"title":"Crêperie «Nîmes» is offline","detail":"","opened_at":"2026-06-01T12:00:00Z",'
    '"updated_at":"2026-06-01T12:00:00Z","acknowledged_at":null,"acknowledged_by":null,"resolved_at":null}}'
)


def signed(body: str = BODY, *, secret: str = SECRET, message_id: str = ID, at: int | str = AT) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{at}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def vector(name: str, refused: str | None = None, **changes: Any) -> dict[str, Any]:
    """A true message, received at once, with these changes. A header of None is left out."""
    headers = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": signed()}
    headers |= changes.pop("headers", {})
    return {
        "name": name,
        "headers": {name: value for name, value in headers.items() if value is not None},
        "body": BODY,
        "secrets": [SECRET],
        "handled": [],
        "now": AT,
        **changes,
        "refused": refused,
    }


def vectors() -> Iterator[dict[str, Any]]:
    yield vector("valid")
    yield vector("valid, names of headers in capitals", headers={
        "webhook-id": None, "webhook-timestamp": None, "webhook-signature": None,
        "Webhook-Id": ID, "WEBHOOK-TIMESTAMP": str(AT), "Webhook-Signature": signed(),
    })  # fmt: skip
    yield vector("valid, a test", body='{"type":"test"}', headers={"webhook-signature": signed('{"type":"test"}')})
    yield vector("valid, the clock of the receiver five minutes ahead", now=AT + 300)
    yield vector("valid, the clock of the receiver five minutes behind", now=AT - 300)
    yield vector("valid, signed with the former of two secrets", secrets=[OTHER_SECRET, SECRET])
    yield vector("valid, the second of several signatures", headers={
        "webhook-signature": f"{signed(secret=OTHER_SECRET)} {signed()} v1a,AAAA"
    })  # fmt: skip
    yield vector("valid, another message was handled", handled=["0190a5b0-7d3c-7c3a-9f3e-2f1f5f0c1a12"])
    yield vector("old", "too_old", now=AT + 301)
    yield vector("from the future", "too_new", now=AT - 301)
    yield vector("old, with a new timestamp", "wrong_signature", now=AT + 3_600, headers={
        "webhook-timestamp": str(AT + 3_600)
    })  # fmt: skip
    yield vector("signed with another secret", "wrong_signature", headers={
        "webhook-signature": signed(secret=OTHER_SECRET)
    })  # fmt: skip
    yield vector("without a secret to verify it", "wrong_signature", secrets=[])
    yield vector("the body altered", "wrong_signature", body=BODY.replace("critical", "info"))
    yield vector("the body written in another way", "wrong_signature", body=json.dumps(json.loads(BODY)))
    yield vector("the id altered", "wrong_signature", headers={"webhook-id": "0190a5b0-7d3c-7c3a-9f3e-2f1f5f0c1a12"})
    yield vector("the signature cut", "wrong_signature", headers={"webhook-signature": signed()[:-4]})
    yield vector("another version of signatures", "wrong_signature", headers={
        "webhook-signature": signed().replace("v1,", "v2,")
    })  # fmt: skip
    yield vector("no version of the signature", "wrong_signature", headers={"webhook-signature": signed()[3:]})
    yield vector("signatures with a comma between them", "wrong_signature", headers={
        "webhook-signature": f"{signed()},{signed()}"
    })  # fmt: skip
    yield vector("an empty signature", "wrong_signature", headers={"webhook-signature": ""})
    yield vector("a signature that is not ASCII", "wrong_signature", headers={"webhook-signature": "v1,ÄÖÜ"})
    yield vector("no signature", "missing_header", headers={"webhook-signature": None})
    yield vector("no timestamp", "missing_header", headers={"webhook-timestamp": None})
    yield vector("no id", "missing_header", headers={"webhook-id": None})
    for text in ("2026-06-01T12:00:00Z", f"{AT}.0", f"-{AT}", f" {AT}", "", "١٧٨٠٣١٥٢٠٠", "9" * 40):
        yield vector(f"the timestamp {text!r}", "malformed_timestamp", headers={
            "webhook-timestamp": text, "webhook-signature": signed(at=text)
        })  # fmt: skip
    yield vector("replayed", "repeated", handled=[ID])
    yield vector("sent again after an answer that was lost", "repeated", handled=[ID], now=AT + 60, headers={
        "webhook-timestamp": str(AT + 60), "webhook-signature": signed(at=AT + 60)
    })  # fmt: skip
    yield vector("replayed and altered", "wrong_signature", handled=[ID], body=BODY.replace("critical", "info"))


def document() -> str:
    return json.dumps({"tolerance_seconds": 300, "vectors": list(vectors())}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    VECTORS.write_text(document(), encoding="utf-8")
