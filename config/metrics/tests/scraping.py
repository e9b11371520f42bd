"""Scrape `/metrics` as Prometheus does."""

from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "metrics-token-of-the-tests-0123456789"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


def scrape() -> dict[str, float]:
    """The samples by name and labels, as in `portcullis_sites{status="online"}`."""
    answer = Client().get("/metrics", headers=AUTHORIZATION)
    assert answer.status_code == 200, answer.content
    return samples_of(answer.content.decode())


def samples_of(text: str) -> dict[str, float]:
    return {
        series(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def series(name: str, labels: dict[str, Any]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


def increases(before: dict[str, float], after: dict[str, float], name: str) -> dict[str, float]:
    """Which series of that name have grown, and by how much."""
    grown = {key: value - before.get(key, 0) for key, value in after.items() if key.split("{")[0] == name}
    return {key.removeprefix(name): value for key, value in grown.items() if value}
