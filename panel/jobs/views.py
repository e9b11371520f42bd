"""The page of the periodic jobs, the newest backup, and the disk that reports of devices take. It only shows them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.generic import View

from backup.models import LastBackup
from common.jobs.services import database_now
from common.jobs.status import JobStatus, job_statuses
from fleet.devices.models import Device
from fleet.telemetry.storage import storage_use
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


@dataclass(frozen=True)
class BackupRow:
    """The newest backup, if there is one."""

    backup: LastBackup | None
    at: datetime

    @property
    def badge(self) -> SafeString:
        if self.backup is None:
            return badge("none", "never made")
        return badge("bad", "overdue") if self.backup.is_overdue(at=self.at) else badge("good", "made")

    @property
    def took(self) -> str:
        """As in "34 seconds"; empty without a backup."""
        return duration(max(1, round(self.backup.duration_ms / 1000))) if self.backup else ""


class JobsView(View):
    http_method_names = ["get"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("jobs.view_job"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        at = database_now()
        rows = [JobRow(status) for status in job_statuses(at=at)]
        context = {
            **admin.site.each_context(request),
            "storage": storage_use(at=at) if Device.objects.exists() else None,
            "title": "Jobs",
            "rows": rows,
            "backup": BackupRow(LastBackup.objects.first(), at),
            "none_has_run": all(row.status.row is None for row in rows),
        }
        return TemplateResponse(request, "panel/jobs/list.html", context)
