"""`/api/admin`: the people who have access, and those who ask for it."""

from accounts.api.access_requests import AccessRequestViewSet
from accounts.api.users import UserViewSet
from common.api.routers import EitherSlashRouter

router = EitherSlashRouter()
router.register("access-requests", AccessRequestViewSet, basename="access-request")
router.register("users", UserViewSet, basename="user")
urlpatterns = router.urls
