"""`/api/organizations` is in `fleet.api`, which counts their devices."""

from rest_framework.routers import SimpleRouter

from sites.api.views import SiteViewSet


class EitherSlashRouter(SimpleRouter):
    """Every path answers with and without its slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


router = EitherSlashRouter()
router.register("sites", SiteViewSet, basename="site")
urlpatterns = router.urls
