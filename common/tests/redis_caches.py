"""The caches as they are with a REDIS_URL."""

import uuid
from typing import Any

from config import cache_settings


def with_redis(url: str) -> dict[str, Any]:
    """The aliases of the settings, with a prefix of their own: tests that use the same Redis do not share keys."""
    prefix = f"test-{uuid.uuid4().hex}"
    return {
        alias: {**cache, "KEY_PREFIX": f"{prefix}:{alias}"} if "KEY_PREFIX" in cache else cache
        for alias, cache in cache_settings.caches(url).items()
    }
