"""Write `vectors/`: `python -m tests.make_vectors`, in the folder `agent`. The output is the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .forgeries import (
    FIRST,
    FOREIGN,
    SECOND,
    THIRD,
    LeaseCase,
    chain_cases,
    forged_leases,
    good_leases,
    key_cases,
    set_aside_cases,
)
from .signing import SITE_ID

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def documents() -> dict[str, Any]:
    keys = [("first", FIRST), ("second", SECOND), ("third", THIRD), ("foreign", FOREIGN)]
    return {
        "keys.json": {
            "about": "The seeds are public test data: never use these keys.",
            "keys": [{"name": name, "seed": key.seed.hex(), "kid": key.kid, "x": key.x} for name, key in keys],
        },
        "leases.json": {
            "about": "Each must be accepted, with `first` pinned.",
            "site_id": SITE_ID,
            "leases": [_lease(case) for case in good_leases()],
        },
        "forgeries.json": {
            "about": "Each must be refused, with `first` pinned; `reason` is the code in docs/protocol.md.",
            "site_id": SITE_ID,
            "leases": [_lease(case) | {"reason": case.reason} for case in forged_leases()],
        },
        "endorsements.json": {
            "about": "With `pinned` pinned, exactly `trusted` become trusted; `refused` says why other `keys` do not. "
            "If `signer` has signed the newest lease, exactly `set_aside` are set aside.",
            "sets": [
                {
                    "name": case.name,
                    "pinned": case.pinned.jwk(),
                    "keys": case.keys,
                    "endorsements": case.endorsements,
                    "trusted": case.trusted,
                    "refused": case.refused,
                    "signer": case.signer.kid if case.signer else None,
                    "set_aside": sorted(case.set_aside),
                }
                for case in [*key_cases(), *chain_cases(), *set_aside_cases()]
            ],
        },
    }


def _lease(case: LeaseCase) -> dict[str, Any]:
    held = None if case.held is None else {"revision": case.held[0], "iat": case.held[1]}
    return {"name": case.name, "nonce": case.nonce, "held": held, "token": case.token}


def write() -> None:
    VECTORS.mkdir(exist_ok=True)
    for name, document in documents().items():
        (VECTORS / name).write_text(encode(document), encoding="utf-8")


def encode(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
