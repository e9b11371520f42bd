"""The caches as they are with a REDIS_URL."""

import uuid
from typing import Any

from django.conf import settings


def with_redis(url: str) -> dict[str, Any]:
    """With a prefix of its own, so that tests at the same Redis do not meet."""
    redis = {**settings.REDIS_COUNTERS, "LOCATION": url, "KEY_PREFIX": f"test-{uuid.uuid4().hex}"}
    return {"default": redis, "login": settings.SQL_COUNTERS}
