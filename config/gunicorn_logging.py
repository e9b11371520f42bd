"""The log of gunicorn itself, without its access log."""

from typing import Any

from gunicorn.glogging import Logger


class WithoutAccessLog(Logger):
    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Do nothing: gunicorn formats the line even if no handler writes it."""
