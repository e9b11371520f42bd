"""Requests to Google: bounded in time and size, without redirects."""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from accounts.errors import GoogleUnavailable

SECONDS_PER_READ = 2.0
TOTAL_SECONDS = 4.0
MAX_BYTES = 256 * 1024
CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Answer:
    """`content` is the JSON object of the body."""

    status: int
    headers: Mapping[str, str]
    content: dict[str, Any]


def ask_google(method: str, url: str, *, form: Mapping[str, str] | None = None) -> Answer:
    """Send one request. Raises GoogleUnavailable unless the answer is a JSON object that comes in time."""
    headers = {"Accept": "application/json", "User-Agent": f"Portcullis/{settings.VERSION}"}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        with PoolManager(num_pools=1, ssl_context=tls_context()) as pool:
            response = pool.request(
                method,
                url,
                body=None if form is None else urlencode(form),
                headers=headers,
                timeout=Timeout(connect=SECONDS_PER_READ, read=SECONDS_PER_READ),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = b""
            while chunk := response.read1(CHUNK_BYTES, decode_content=False):
                body += chunk
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise GoogleUnavailable
    except (HTTPError, OSError) as error:
        raise GoogleUnavailable from error
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise GoogleUnavailable from error
    if not isinstance(content, dict):
        raise GoogleUnavailable
    return Answer(response.status, response.headers, content)


@cache
def tls_context() -> ssl.SSLContext:
    """With the authorities of this machine, or of SSL_CERT_FILE."""
    return ssl.create_default_context()
