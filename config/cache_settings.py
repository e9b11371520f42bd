"""Settings of the caches and of the counters that processes share."""

from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

LOCAL_MEMORY_CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
DATABASE_COUNTERS = {"BACKEND": "common.counters.SqlCounterCache", "LOCATION": "common_counter"}


def redis_url() -> str:
    """REDIS_URL; empty if there is no Redis."""
    url = env.text("REDIS_URL", "")
    if url:
        try:
            redis.ConnectionPool.from_url(url).make_connection()
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379/0.") from error
    return url


def caches(url: str) -> dict[str, Any]:
    """CACHES, with Redis at `url` if there is one."""
    return {
        # An ordinary cache, also for libraries. Without Redis each process has its own.
        "default": redis_cache(url, prefix="portcullis:cache") if url else LOCAL_MEMORY_CACHE,
        # Integers that all processes share.
        "counters": redis_cache(url, prefix="portcullis:counters") if url else DATABASE_COUNTERS,
        # Failed sign-ins are counted in the database even with Redis, so that the limit holds when Redis is down.
        "sign_in_counters": DATABASE_COUNTERS,
    }


def redis_cache(url: str, *, prefix: str) -> dict[str, Any]:
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": prefix,
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.DefaultClient",
            # If Redis does not answer, a read finds nothing and a write does nothing; both are logged. Only `touch` raises.
            "IGNORE_EXCEPTIONS": True,
            "LOG_IGNORED_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 0.25,
            "SOCKET_TIMEOUT": 0.25,
        },
    }
