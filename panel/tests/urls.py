"""The URLs of the panel, read from the admin site."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver


def patterns(found: list[Any]) -> Iterator[URLPattern]:
    for each in found:
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns)
        elif each.name:
            yield each
