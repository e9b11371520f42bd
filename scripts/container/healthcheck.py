#!/usr/bin/env python3
"""Exit 0 if the server of this environment answers /health with "ok", else 1 and a line that says why not.

    healthcheck.py             the server
    healthcheck.py doorbell    the doorbell, which answers /doorbell/health

Asks over loopback, but for a host name of ALLOWED_HOSTS, as every real client does.
"""

import http.client
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from config import environment  # noqa: E402 - found only with the line above

DEFAULT_BIND = "127.0.0.1:8000"
DEFAULT_DOORBELL_BIND = "127.0.0.1:8001"
LOOPBACK_OF = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
TIMEOUT_SECONDS = 3


def bind_address() -> tuple[str, int]:
    return read_address("BIND", DEFAULT_BIND)


def doorbell_address() -> tuple[str, int]:
    return read_address("DOORBELL_BIND", DEFAULT_DOORBELL_BIND)


def read_address(name: str, default: str) -> tuple[str, int]:
    """Host and port of that variable; PORT, when set, wins over the port that stands there."""
    bind = os.environ.get(name) or default
    host, colon, port = bind.rpartition(":")
    if not colon:
        host, port = bind, default.rpartition(":")[2]
    port = os.environ.get("PORT") or port
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        sys.exit(f"{name} and PORT must give a port from 1 to 65535, such as {default}, not {bind!r} and {port!r}.")
    return host.strip("[]"), int(port)


def allowed_host() -> str:
    """A name that the server answers to: loopback if it may, else the first that it was given."""
    names = environment.words("ALLOWED_HOSTS", "127.0.0.1")
    for name in ("127.0.0.1", "localhost"):
        if name in names or "*" in names:
            return name
    return next(iter(names), "127.0.0.1").removeprefix(".")


def why_not_healthy(address: tuple[str, int] | None = None, path: str = "/health") -> str | None:
    """None when what listens there answers, and so does its database."""
    host, port = address or bind_address()
    connection = http.client.HTTPConnection(LOOPBACK_OF.get(host, host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": allowed_host()})
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
        healthy = status == 200 and json.loads(body)["status"] == "ok"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return f"{path} at port {port} does not answer: {error or type(error).__name__}."
    finally:
        connection.close()
    return None if healthy else f"{path} at port {port} answers {status}."


if __name__ == "__main__":
    environment.load_env_file(ROOT)
    if sys.argv[1:] == ["doorbell"]:
        sys.exit(why_not_healthy(doorbell_address(), "/doorbell/health"))
    sys.exit(why_not_healthy())
