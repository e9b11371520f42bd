"""The part of `manage.py prune` for sign-ins and requests for access."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from accounts.models import AccessRequest, PanelSession, PasswordLink, PersonalToken, SignInAttempt, TokenFamily

# After a long flood the newest are kept, whatever their age.
ATTEMPTS_KEPT = 100_000
# Until then the page of a link says that it was used or has expired.
ENDED_LINKS_KEPT = timedelta(days=30)
# After the decision, or after the request if there is none.
ACCESS_REQUESTS_KEPT = timedelta(days=90)
# Until then the lists of tokens show that one has expired, and when it was used last.
ENDED_TOKENS_KEPT = timedelta(days=30)


def prune_sign_ins(*, at: datetime) -> dict[str, int]:
    """Delete token families whose tokens have all expired, ended sessions, links and tokens, and old or too many attempts."""
    families, _ = TokenFamily.objects.filter(expires_at__lt=at).delete()
    PanelSession.ended(at=at).delete()
    links, _ = PasswordLink.objects.filter(expires_at__lt=at - ENDED_LINKS_KEPT).delete()
    kept_since = at - ENDED_TOKENS_KEPT
    tokens, _ = PersonalToken.objects.filter(Q(expires_at__lt=kept_since) | Q(revoked_at__lt=kept_since)).delete()
    return {
        "token_families": families,
        "password_links": links,
        "personal_tokens": tokens,
        "sign_in_attempts": prune_attempts(at=at),
        "requests_for_access": prune_access_requests(at=at),
    }


def prune_access_requests(*, at: datetime) -> int:
    oldest = at - ACCESS_REQUESTS_KEPT
    decided, _ = AccessRequest.objects.filter(decided_at__lt=oldest).delete()
    undecided, _ = AccessRequest.objects.waiting().filter(created_at__lt=oldest).delete()
    return decided + undecided


def prune_attempts(*, at: datetime) -> int:
    old, _ = SignInAttempt.objects.filter(at__lt=at - settings.SIGN_IN_ATTEMPTS_KEPT).delete()
    newest_first = SignInAttempt.objects.order_by("-pk").values_list("pk", flat=True)
    newest_of_rest = newest_first[ATTEMPTS_KEPT : ATTEMPTS_KEPT + 1].first()
    if newest_of_rest is None:
        return old
    too_many, _ = SignInAttempt.objects.filter(pk__lte=newest_of_rest).delete()
    return old + too_many
