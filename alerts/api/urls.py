from django.urls import re_path

from alerts.api.settings import ResetSettingsView, SettingsView
from alerts.api.views import AlertChannelViewSet, IncidentViewSet
from common.api.routers import EitherSlashRouter

router = EitherSlashRouter()
router.register("incidents", IncidentViewSet, basename="incident")
router.register("alert-channels", AlertChannelViewSet, basename="alert-channel")
urlpatterns = [
    *router.urls,
    re_path(r"^settings/?$", SettingsView.as_view(), name="settings"),
    re_path(r"^settings/reset/?$", ResetSettingsView.as_view(), name="reset-settings"),
]
