from common.api.routers import EitherSlashRouter
from fleet.rollouts.api.views import RolloutViewSet

router = EitherSlashRouter()
router.register("rollouts", RolloutViewSet, basename="rollout")
urlpatterns = router.urls
