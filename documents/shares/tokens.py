"""The token in the address of a share page. The database holds only its digest.

It has 256 random bits, so that a plain hash cannot be reversed. Unlike a site's key it does not depend on SITE_KEY_PEPPER:
a link may be older than the pepper.
"""

from hashlib import sha256

from common.keys import generate_key, is_well_formed

# Logs leave out what follows it, see common/logs.py.
PREFIX = "psl_"


def generate_token() -> str:
    return generate_key(PREFIX)


def could_be_token(text: str) -> bool:
    """Whether the text has the form of a token. Only the database knows whether it is one."""
    return is_well_formed(text, PREFIX)


def token_digest(token: str) -> str:
    return sha256(f"share link: {token}".encode()).hexdigest()
