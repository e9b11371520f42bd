"""`/api/heartbeat` itself is in `config.direct_routes`."""

from django.urls import re_path

from heartbeat.api import views

urlpatterns = [
    re_path(r"^sites/(?P<site_id>[^/]+)/heartbeats/?$", views.SiteHeartbeatsView.as_view(), name="site-heartbeats"),
    re_path(r"^sites/(?P<site_id>[^/]+)/instances/?$", views.SiteInstancesView.as_view(), name="site-instances"),
    re_path(r"^sites/(?P<site_id>[^/]+)/dismiss-clone/?$", views.DismissCloneView.as_view(), name="dismiss-clone"),
]
