from fleet.firmware.api.views import FirmwareViewSet
from sites.api.urls import EitherSlashRouter

router = EitherSlashRouter()
router.register("firmware", FirmwareViewSet, basename="firmware")
urlpatterns = router.urls
