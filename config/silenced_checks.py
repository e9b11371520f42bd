"""Django's and other packages' system checks that do not apply here."""


def silenced(*, https_only: bool, redis_url: str) -> list[str]:
    return [
        # HSTS and the redirect to HTTPS are hard to undo, so the operator turns them on (HTTPS_ONLY).
        *([] if https_only else ["security.W004", "security.W008"]),
        # Subdomains may belong to other services.
        "security.W005",
        "security.W021",
        # SqlCounterCache counts exactly across processes (common/tests/test_counters.py), but the check has a fixed list.
        *([] if redis_url else ["django_ratelimit.W001"]),
        # `config.environment` checks secrets, in production and with a clearer message.
        "security.W009",
    ]
