from fleet.rollouts.api.views import RolloutViewSet
from sites.api.urls import EitherSlashRouter

router = EitherSlashRouter()
router.register("rollouts", RolloutViewSet, basename="rollout")
urlpatterns = router.urls
