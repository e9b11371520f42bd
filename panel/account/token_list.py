"""The list of personal access tokens, on the page of one's own account and on the page of another admin."""

from datetime import datetime
from typing import Any

from django.db.models import Case, When

from accounts.models import Admin, PersonalToken
from panel.account.pages import MAX_SHOWN

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
    """The context of `panel/account/tokens.html`: the newest first, and after them those that have expired."""
    has_ended = Case(When(expires_at__lte=at, then=True), default=False)
    listed = PersonalToken.objects.filter(admin=owner, revoked_at=None).annotate(has_ended=has_ended)
    listed = listed.order_by("has_ended", "-created_at", "-id")
    return {
        "more_tokens": listed[MAX_SHOWN:].count(),
        "tokens": [
            {
                "row": token,
                "may": ", ".join(map(permission_words, token.permissions)),
                "has_ended": token.has_ended,
                "ends_soon": token.ends_soon(at=at),
            }
            for token in listed[:MAX_SHOWN]
        ],
    }
