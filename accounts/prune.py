"""The part of `manage.py prune` for sign-ins."""

from datetime import datetime

from accounts.models import PanelSession, TokenFamily


def prune_sign_ins(*, at: datetime) -> dict[str, int]:
    """Delete token families whose tokens have all expired, and ended sessions, and return the number of families."""
    families, _ = TokenFamily.objects.filter(expires_at__lt=at).delete()
    PanelSession.ended(at=at).delete()
    return {"token_families": families}
