from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.jobs.views import JobsView


def jobs_urls(site: AdminSite) -> list[URLPattern]:
    return [path("jobs/", site.admin_view(JobsView.as_view()), name="jobs")]
