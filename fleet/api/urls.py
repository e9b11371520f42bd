from django.urls import re_path

from common.api.routers import EitherSlashRouter
from fleet.api.analytics import LocationAnalyticsView, OrganizationAnalyticsView
from fleet.api.devices import DeviceViewSet
from fleet.api.locations import LocationViewSet
from fleet.api.organizations import CountedOrganizationViewSet
from fleet.api.registration import RegisterDeviceView

router = EitherSlashRouter()
router.register("organizations", CountedOrganizationViewSet, basename="organization")
router.register("devices", DeviceViewSet, basename="device")
router.register("locations", LocationViewSet, basename="location")
urlpatterns = [
    re_path(r"^devices/register/?$", RegisterDeviceView.as_view(), name="register-device"),
    re_path(
        r"^analytics/organization/(?P<organization_id>[^/]+)/?$",
        OrganizationAnalyticsView.as_view(),
        name="organization-analytics",
    ),
    re_path(r"^analytics/location/(?P<site_id>[^/]+)/?$", LocationAnalyticsView.as_view(), name="location-analytics"),
    *router.urls,
]
