"""Health and telemetry take larger bodies than the rest of the API, also in chunks."""

from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from common.web.request_body import RequestBodyMiddleware, body_limit
from fleet.telemetry.tests.conftest import Reporter

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    "path", ["/api/health", "/api/health/", "/api/v1/health", "/api/telemetry", "/api/v1/telemetry/"]
)
@pytest.mark.django_db
def test_a_large_body_is_read(till: Reporter, path: str) -> None:
    item = b'{"cpu_usage_percent": 1, "memory_used_mb": 1, "memory_total_mb": 1}'
    headers = {"X-Device-ID": str(till.id), "X-Device-Key": till.key}
    body = item + b" " * (4 * MEBIBYTE - len(item))
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    answer = Client().post(path, body + b" ", content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "4194304" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/api/heartbeat", "/api/sites", "/api/health/x", "/api/healthy", "/api", "/api/auth/token"]
)
def test_other_paths_have_the_usual_limit(path: str) -> None:
    answer = Client().post(path, b" " * (settings.API_BODY_LIMIT_BYTES + 1), content_type="application/json")
    assert answer.status_code == 413
    assert str(settings.API_BODY_LIMIT_BYTES) in answer.json()["detail"]
    assert body_limit(path) == 65_536


class Chunks(BytesIO):
    """What gunicorn gives for a body in chunks."""


@pytest.mark.parametrize(("path", "limit"), [("/api/health", 4 * MEBIBYTE), ("/api/heartbeat", 65_536)])
@pytest.mark.parametrize("over", [0, 1])
def test_a_body_in_chunks_has_the_same_limit(path: str, limit: int, over: int) -> None:
    read: list[int] = []

    def view(request: Any) -> Any:
        read.append(len(request.read()))
        return None

    request = RequestFactory().post(path, HTTP_TRANSFER_ENCODING="chunked")
    stream = Chunks(b" " * (limit + over + 10 * over))
    request.META |= {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = RequestBodyMiddleware(view)(request)
    if over:
        assert answer.status_code == 413
        assert not read
        assert stream.tell() == limit + 1, "no more is read than shows that it is too large"
    else:
        assert read == [limit]
