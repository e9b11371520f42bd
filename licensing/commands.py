"""What the commands for signing keys have in common."""

from common.instants import format_instant
from licensing.models import SigningKey


def line(key: SigningKey) -> str:
    """As in "kid  signing  since 2026-06-01T12:00:00Z"."""
    return f"{key.kid}  {key.state:<9}  {since(key)}"


def since(key: SigningKey) -> str:
    if key.state == SigningKey.State.PUBLISHED:
        return f"since {format_instant(key.created_at)}, may sign from {format_instant(key.may_sign_at)} on"
    if key.activated_at and key.state == SigningKey.State.SIGNING:
        return f"since {format_instant(key.activated_at)}"
    assert key.retired_at
    assert key.listed_until
    ends = "while it is needed" if key.stays_listed else f"until {format_instant(key.listed_until)}"
    return f"since {format_instant(key.retired_at)}, in the set {ends}"
