"""gunicorn's own lines: starting, stopping, what it refuses."""

from typing import Any

from gunicorn.glogging import Logger


class WithoutAccessLog(Logger):
    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Nothing: gunicorn puts the line together even where no handler writes it."""
