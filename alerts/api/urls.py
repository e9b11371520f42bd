from alerts.api.views import AlertChannelViewSet, IncidentViewSet
from common.api.routers import EitherSlashRouter

router = EitherSlashRouter()
router.register("incidents", IncidentViewSet, basename="incident")
router.register("alert-channels", AlertChannelViewSet, basename="alert-channel")
urlpatterns = router.urls
