"""`/api/organizations` is in `fleet.api`, which counts their devices."""

from common.api.routers import EitherSlashRouter
from sites.api.views import SiteViewSet

router = EitherSlashRouter()
router.register("sites", SiteViewSet, basename="site")
urlpatterns = router.urls
