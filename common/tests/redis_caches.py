"""The caches as they are with a REDIS_URL."""

import uuid
from typing import Any

from django.conf import settings


def with_redis(url: str) -> dict[str, Any]:
    """The aliases of the settings, with a prefix of their own: tests that use the same Redis do not share keys."""
    redis, prefix = {**settings.REDIS_CACHE, "LOCATION": url}, f"test-{uuid.uuid4().hex}"
    return {
        "default": {**redis, "KEY_PREFIX": f"{prefix}:cache"},
        "counters": {**redis, "KEY_PREFIX": f"{prefix}:counters"},
        "sign_in_counters": settings.DATABASE_COUNTERS,
    }
