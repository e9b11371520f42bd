"""Log lines as JSON objects, with the request's id and without secrets."""

import json
import logging
import re
from datetime import UTC, datetime

from common.web.request_ids import current_request_id

# No formatter here writes these, and looking them up costs time for each record.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

EXTRA_FIELDS = ("method", "path", "status", "duration_ms", "client", "refused_as")

# Keys of sites and devices, personal access tokens, links that set a password, unsubscribe or show a site, and tokens of
# sign-ins. No code should log one; if it does, the log does not show it.
SECRETS = re.compile(
    r"p(?:sk|dk|ct|sl)_[0-9A-Za-z]{8,}|ppl_[0-9A-Za-z_-]{8,}|pus_[0-9A-Za-z_:-]{8,}"
    r"|eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"
)
BEGINNINGS = ("psk_", "pdk_", "pct_", "psl_", "ppl_", "pus_", "eyJ")


def without_secrets(line: str) -> str:
    return SECRETS.sub("[secret]", line) if any(map(line.__contains__, BEGINNINGS)) else line


MESSAGE_CUT_AT = 300

suspicious = logging.getLogger("portcullis.suspicious")


class SuspiciousRequestHandler(logging.Handler):
    """Logs what Django refuses as suspicious, such as a forged Host header, as one warning without a traceback.

    Django logs it as an error with a traceback. Everybody can send such requests, so that alarms for errors would be useless.
    """

    def emit(self, record: logging.LogRecord) -> None:
        suspicious.warning("%s: %s", record.name.rpartition(".")[2], record.getMessage()[:MESSAGE_CUT_AT])


encoded = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": current_request_id.get(),
        }
        entry |= {name: getattr(record, name) for name in EXTRA_FIELDS if hasattr(record, name)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        # ensure_ascii escapes control characters and lone surrogates, so that one record stays one line.
        return without_secrets(encoded(entry))
