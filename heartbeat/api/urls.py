"""`/api/heartbeat` itself is in `config.direct_routes`."""

from django.urls import re_path

from heartbeat.api import views

urlpatterns = [
    re_path(r"^sites/(?P<site_id>[^/]+)/heartbeats/?$", views.SiteHeartbeatsView.as_view(), name="site-heartbeats"),
]
