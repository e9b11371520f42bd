"""The audit's events about roll-outs and maintenance windows."""

from django.db.models import TextChoices

from audit.services import Subject
from fleet.rollouts.models import Rollout

ROLLOUT = "rollout"


class RolloutAction(TextChoices):
    CREATED = "rollout.created"
    STARTED = "rollout.started"
    WAVE_STARTED = "rollout.wave_started"
    PAUSED = "rollout.paused"
    RESUMED = "rollout.resumed"
    ABORTED = "rollout.aborted"
    FINISHED = "rollout.finished"
    ROLLBACK_STARTED = "rollout.rollback_started"
    ROLLED_BACK = "rollout.rolled_back"


class WindowAction(TextChoices):
    """Events of the site."""

    CHANGED = "site.maintenance_window_changed"


def rollout_subject(rollout: Rollout) -> Subject:
    return Subject(ROLLOUT, rollout.pk, rollout.name)
