"""What the confirmation page showed of a site, carried by its form.

The person decides on these values. If one of them has changed when the form comes back, the service refuses the site.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from common.instants import format_instant, parse_instant
from panel.sites.operations.registry import Operation
from sites.models import Site

# Equal to no value of a site: a form that cannot be read showed nothing, so that every site is refused.
UNREADABLE = "nothing"


def write_shown_values(operation: Operation, site: Site) -> str:
    values = [getattr(site, name) for name in operation.compared_fields]
    plain = [format_instant(value) if isinstance(value, datetime) else value for value in values]
    # Without ASCII escapes: the longest reasons of MAX_SITES sites must fit into one form.
    return json.dumps(plain, ensure_ascii=False)


def read_shown_values(operation: Operation, posted: str) -> dict[str, Any]:
    """The reverse of `write_shown_values`: `{field: value}`."""
    try:
        values = json.loads(posted)
        refuse_unstorable(values)
        pairs = zip(operation.compared_fields, values, strict=True)
        return {name: parse_instant(value) if name.endswith("_at") and value else value for name, value in pairs}
    except (ValueError, TypeError, RecursionError):
        return dict.fromkeys(operation.compared_fields, UNREADABLE)


def refuse_unstorable(values: Iterable[Any]) -> None:
    """The result quotes these values, and no database stores NUL or half a surrogate pair. Raises ValueError."""
    for text in (value for value in values if isinstance(value, str)):
        if "\0" in text:
            raise ValueError("holds NUL")
        text.encode()
