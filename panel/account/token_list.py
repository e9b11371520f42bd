"""The list of personal access tokens, on the page of one's own account and on the page of another admin."""

from datetime import datetime
from typing import Any

from accounts.models import Admin, PersonalToken

# In names of permissions they are one word.
NOUNS = {
    "accessrequest": "request for access",
    "enrolmentcode": "enrolment code",
    "license": "licence",
    "savedview": "saved view",
    "sharelink": "share link",
    "signinattempt": "sign-in attempt",
    "signingkey": "signing key",
    "sitefile": "file",
    "sitekey": "site key",
    "sitenote": "note",
}


def permission_words(name: str) -> str:
    """As in "lock site" for `sites.lock_site`."""
    return " ".join(NOUNS.get(word, word) for word in name.partition(".")[2].split("_"))


def tokens_of(owner: Admin, *, at: datetime) -> dict[str, Any]:
    """The context of `panel/account/tokens.html`."""
    return {
        "tokens": [
            {
                "row": token,
                "may": ", ".join(map(permission_words, token.permissions)),
                "has_ended": token.expires_at is not None and token.expires_at <= at,
                "ends_soon": token.ends_soon(at=at),
            }
            for token in PersonalToken.objects.filter(admin=owner, revoked_at=None).newest_first()
        ]
    }
