"""The menu of the panel begins with what is asked for most."""

from django.contrib import admin
from django.test import RequestFactory

from accounts.models import Admin


def test_sites_come_first_and_admins_after_what_sites_do(anna: Admin) -> None:
    request = RequestFactory().get("/admin/")
    request.user = anna
    apps = admin.site.get_app_list(request)
    assert [app["app_label"] for app in apps] == ["sites", "heartbeat", "audit", "accounts"]
    assert apps[0]["models"][0]["object_name"] == "Site"
