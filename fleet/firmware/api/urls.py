from common.api.routers import EitherSlashRouter
from fleet.firmware.api.views import FirmwareViewSet

router = EitherSlashRouter()
router.register("firmware", FirmwareViewSet, basename="firmware")
urlpatterns = router.urls
