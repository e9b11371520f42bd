"""The page with the result of an operation, and the page of the recent operations."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from idempotency.models import IdempotentRequest
from idempotency.services import find_report, find_report_of_any_admin, is_abandoned
from panel.account.pages import current_admin
from panel.sites.operations.expected_results import ResultKind
from panel.sites.operations.registry import OPERATIONS
from panel.sites.operations.results import report_path
from panel.sites.operations.views import OperationView
from panel.sites.results.inverses import INVERSES, Inverse
from panel.sites.results.progress import SiteProgress, count_sentence, progress_of
from panel.sites.results.recent import UNDO, recent_operations
from panel.sites.results.undo import revisions_of, undo_until
from panel.sites.views import SiteAdminView
from panel.widgets.badges import badge
from panel.widgets.times import at_moment, plural

# The page refreshes itself more often while sites are likely to report in a moment.
SOON = timedelta(minutes=5)
SECONDS_BETWEEN_REFRESHES = 3


@dataclass(frozen=True)
class Row:
    """A site with what was done to it, and how far that has come, if that is known."""

    result: Mapping[str, Any]
    progress: SiteProgress | None

    @property
    def position(self) -> tuple[int, int]:
        return ResultKind(self.result["kind"]).position, self.progress.position if self.progress else 0

    @property
    def is_left(self) -> bool:
        """Whether an undo has left the site as it is. The undo leaves such a site alone on purpose."""
        return bool(self.result.get("by")) and self.result["kind"] == ResultKind.REFUSED

    @property
    def kind(self) -> str:
        return ResultKind.UNCHANGED if self.is_left else str(self.result["kind"])

    @property
    def badge(self) -> SafeString:
        if self.progress:
            return self.progress.badge
        return badge(self.kind, "left as it is" if self.is_left else "")


class ReportView(OperationView):
    """A page about what one confirmed form has done, for all who may run it."""

    @cached_property
    def report(self) -> IdempotentRequest:
        report = find_report_of_any_admin(
            path=report_path(self.operation.name),
            key=str(self.kwargs["run_id"]),
            rather=current_admin(self.request),
        )
        if report is None:
            raise Http404
        return report

    @property
    def inverse(self) -> Inverse | None:
        return INVERSES.get(self.operation.name)

    def undo_key(self) -> dict[str, Any]:
        """Where the results of the undo are stored: one for each report, so that it runs once for all admins."""
        return {"admin": self.report.admin, "path": self.report.path + UNDO, "key": self.report.key}

    def result_url(self) -> str:
        return self.url_of("sites_site_operated", self.operation.name, self.kwargs["run_id"])


class OperationResultView(ReportView):
    template_name = "panel/sites/results/result.html"

    def get(self, request: HttpRequest, name: str, run_id: uuid.UUID) -> HttpResponse:
        at, report = timezone.now(), self.report
        undo = find_report(**self.undo_key())
        is_running = report.status is None
        results = report.body or []
        counts = Counter(result["kind"] for result in results)
        done = plural(counts[ResultKind.DONE], self.operation.noun)
        undone = undo.body or [] if undo else []
        progress = progress_of(undone or results, at=at)
        undoable_until = self.undoable_until(undo, at=at)
        context = self.get_context_data(
            title=self.operation.label if is_running else f"{self.operation.past.capitalize()} {done}",
            at=report.created_at,
            by=report.admin,
            is_running=is_running,
            is_abandoned=is_abandoned(report, at=at),
            rows=rows_of(undone or results, progress),
            total=len(results),
            counts=counts,
            progress=count_sentence(progress) if progress else "",
            refresh=self.seconds_until_refresh(progress, undo, at=at),
            is_final=all(each.is_final for each in progress.values()) and undoable_until is None,
            undo=self.undo_context(undo, at=at),
            undoable_until=undoable_until,
            undo_url=self.url_of("sites_site_undo", self.operation.name, run_id),
            refused_ids=[result["site_id"] for result in results if result["kind"] == ResultKind.REFUSED],
            opposite=None if undo else self.opposite(),
            undoable_ids=[result["site_id"] for result in results if result.get("is_undoable")],
            list_url=self.url_of("sites_site_changelist"),
        )
        response = self.render_to_response(context)
        if is_running and not is_abandoned(report, at=at):
            response["Refresh"] = "2"
        return response

    def undoable_until(self, undo: IdempotentRequest | None, *, at: datetime) -> datetime | None:
        """None if it cannot be undone, not any more, or not by this person."""
        inverse, until = self.inverse, undo_until(self.report)
        was_undone = undo is not None and not is_abandoned(undo, at=at)
        if inverse is None or was_undone or at >= until or not self.request.user.has_perm(inverse.permission):
            return None
        return until if revisions_of(self.report.body or []) else None

    def undo_context(self, undo: IdempotentRequest | None, *, at: datetime) -> dict[str, Any] | None:
        if undo is None:
            return None
        results = undo.body or []
        return {
            "at": at_moment(undo.created_at, now=at),
            "by": results[0]["by"] if results else "",
            "is_running": undo.status is None,
            "is_abandoned": is_abandoned(undo, at=at),
            "counts": Counter(result["kind"] for result in results),
            "total": len(results),
        }

    def seconds_until_refresh(
        self, progress: Mapping[str, SiteProgress], undo: IdempotentRequest | None, *, at: datetime
    ) -> int | None:
        """If that is less than usual."""
        began_at = undo.created_at if undo else self.report.created_at
        is_undoing = undo is not None and undo.status is None
        is_soon = at - began_at < SOON and not all(each.is_final for each in progress.values())
        return SECONDS_BETWEEN_REFRESHES if is_soon or is_undoing else None

    def opposite(self) -> dict[str, Any] | None:
        """The operation that undoes this one and the URL of its confirmation page, if the person may run it."""
        operation = OPERATIONS.get(self.operation.opposite)
        if operation is None or not self.request.user.has_perm(operation.permission):
            return None
        return {"operation": operation, "url": self.url_of("sites_site_operate", operation.name)}


def rows_of(results: Sequence[Mapping[str, Any]], progress: Mapping[str, SiteProgress]) -> list[Row]:
    """What needs a look comes first: what was refused, and then the sites that have not applied it."""
    rows = [Row(result, progress.get(result["site_id"])) for result in results]
    return sorted(rows, key=lambda row: row.position)


class RecentOperationsView(SiteAdminView):
    """The operations on several sites of the last 24 hours whose results the person may see."""

    template_name = "panel/sites/results/recent.html"

    def has_permission(self) -> bool:
        return bool(self.operations)

    @property
    def operations(self) -> list[str]:
        has_perm = self.request.user.has_perm
        return [name for name, operation in OPERATIONS.items() if has_perm(operation.permission)]

    def get(self, request: HttpRequest) -> HttpResponse:
        at = timezone.now()
        found = recent_operations(self.operations, at=at)
        return self.render_to_response(self.get_context_data(title="Recent operations", operations=found))
