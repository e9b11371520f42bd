"""`/api/admin`: the people who have access, and those who ask for it."""

from accounts.api.access_requests import AccessRequestViewSet
from common.api.routers import EitherSlashRouter

router = EitherSlashRouter()
router.register("access-requests", AccessRequestViewSet, basename="access-request")
urlpatterns = router.urls
