"""The operations on several sites of the last 24 hours, so that one finds their results again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts.models import Admin
from idempotency.services import is_abandoned, recent_reports
from panel.sites.operations.registry import OPERATIONS
from panel.sites.operations.results import report_path

MAX_OPERATIONS = 100
# The undo of an operation is stored beside it, at its path with this at the end.
UNDO = "/undo"


@dataclass(frozen=True)
class RecentOperation:
    """`state` is empty for one that was carried out and not undone."""

    label: str
    at: datetime
    by: Admin
    url: str
    state: str


def recent_operations(names: Iterable[str], *, at: datetime) -> list[RecentOperation]:
    """Those with these names, the newest first. One statement."""
    paths = {report_path(name): OPERATIONS[name] for name in names}
    undo_paths = {path + UNDO for path in paths}
    reports = recent_reports([*paths, *undo_paths], at=at, limit=MAX_OPERATIONS)
    undone = {
        (report.path.removesuffix(UNDO), report.key, report.admin_id) for report in reports if report.path in undo_paths
    }
    found = []
    for report in reports:
        operation = paths.get(report.path)
        if operation is None:
            continue
        state = "undone" if (report.path, report.key, report.admin_id) in undone else ""
        if report.status is None:
            state = "interrupted" if is_abandoned(report, at=at) else "in progress"
        label = operation.label_for(report.parts) if report.parts else operation.label
        url = reverse("admin:sites_site_operated", args=[operation.name, report.key])
        found.append(RecentOperation(label, report.created_at, report.admin, url, state))
    return found
