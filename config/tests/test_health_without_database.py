"""Probes of a server whose database is not there."""

import json
import sys

from config.tests.processes import run

ASK = """
import json, sys, time, django
django.setup()
from django.test import Client
client, started = Client(headers={"Host": "licenses.example.com"}), time.monotonic()
answers = {path: client.get(path) for path in ("/health", "/health/live")}
print(json.dumps({path: [answer.status_code, answer.json(), answer.get("Retry-After")]
                  for path, answer in answers.items()} | {"seconds": time.monotonic() - started}))
"""


def test_health_is_503_within_two_seconds_and_the_process_still_lives() -> None:
    finished = run(
        sys.executable,
        "-c",
        ASK,
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing",
    )
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    status, body, retry_after = said["/health"]
    assert (status, body["status"], int(retry_after) >= 1) == (503, "unavailable", True)
    assert said["/health/live"][0] == 200
    assert said["seconds"] < 2
