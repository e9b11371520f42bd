"""Which paths can be a prefix. It imports nothing of Django, because the settings use it."""

import re

MAX_LENGTH = 100
# No segment is empty or made of dots: `//` would begin a host, and browsers resolve dots.
PATTERN = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._-]*)+", re.ASCII)


def is_path_prefix(text: str) -> bool:
    """Whether it is a path such as /licences or /a/b, without a slash at the end."""
    return len(text) <= MAX_LENGTH and PATTERN.fullmatch(text) is not None
