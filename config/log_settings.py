"""Where Python's logging writes to."""

from typing import Any


def settings(level: str) -> dict[str, Any]:
    """All goes to standard error, as JSON."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "common.logs.JsonFormatter"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
            "suspicious": {"class": "common.logs.SuspiciousRequestHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.security": {"handlers": ["suspicious"], "propagate": False},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
