"""Enrolment codes: 20 characters that a person can read aloud and type, for 100 random bits.

As in Crockford's base 32 there is no I, L, O and U; case, dashes and spaces do not matter. The database holds a digest of a
code under the pepper of the keys.
"""

import secrets

from common.keys import key_digest, key_digests

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 20, 5
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def generate_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(letters[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def normalized(code: str) -> str:
    """As the digest is made of it; any text will do."""
    return code.upper().translate(LOOKALIKES)


def code_digest(code: str) -> str:
    return key_digest(normalized(code))


def code_digests(code: str) -> list[str]:
    """Under each pepper, the current one first."""
    return key_digests(normalized(code))
