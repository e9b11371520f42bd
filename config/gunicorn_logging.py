"""The log of gunicorn itself, without its access log and without what clients sent."""

import re
import sys
from typing import Any

from gunicorn.glogging import Logger

# The line about a request that gunicorn cannot read. It goes on with the text itself, such as a header with a session's cookie.
UNREADABLE = re.compile(r"(Invalid request from ip=.*?): .*", re.DOTALL)


class WithoutAccessLog(Logger):
    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Do nothing: gunicorn formats the line even if no handler writes it."""

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        unreadable = UNREADABLE.fullmatch(str(msg))
        if unreadable:
            error = sys.exc_info()[0]
            msg = f"{unreadable[1]}: {error.__name__ if error else 'unreadable'}"
        super().warning(msg, *args, **kwargs)
