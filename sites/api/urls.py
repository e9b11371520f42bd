from rest_framework.routers import SimpleRouter

from sites.api.organizations import OrganizationViewSet
from sites.api.views import SiteViewSet


class EitherSlashRouter(SimpleRouter):
    """Every path answers with and without its slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


router = EitherSlashRouter()
router.register("sites", SiteViewSet, basename="site")
router.register("organizations", OrganizationViewSet, basename="organization")
urlpatterns = router.urls
