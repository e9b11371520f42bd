"""The page of the periodic jobs. It only shows them: the worker runs them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.generic import View

from common.jobs.services import database_now
from common.jobs.status import JobStatus, job_statuses
from panel.widgets.badges import badge
from panel.widgets.times import duration

BADGES = {
    "never_run": ("none", "never run"),
    "overdue": ("bad", "overdue"),
    "running": ("good", "running"),
    "failing": ("warn", "failing"),
    "waiting": ("good", "succeeded"),
}


@dataclass(frozen=True)
class JobRow:
    status: JobStatus

    @property
    def badge(self) -> SafeString:
        return badge(*BADGES[self.status.state])

    @property
    def every(self) -> str:
        """As in "day" or "10 minutes"."""
        return duration(int(self.status.job.every.total_seconds())).removeprefix("1 ")

    @property
    def took(self) -> str:
        """As in "0.03 s" or "4 minutes, 10 seconds"; empty for a run whose end nobody saw."""
        milliseconds = self.status.row.duration_ms if self.status.row else None
        if milliseconds is None:
            return ""
        return f"{milliseconds / 1000:.2f} s" if milliseconds < 60_000 else duration(milliseconds // 1000)


class JobsView(View):
    http_method_names = ["get"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("jobs.view_job"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = [JobRow(status) for status in job_statuses(at=database_now())]
        context = {
            **admin.site.each_context(request),
            "title": "Jobs",
            "rows": rows,
            "none_has_run": all(row.status.row is None for row in rows),
        }
        return TemplateResponse(request, "panel/jobs/list.html", context)
