"""What is known about each periodic job, and which worker runs it."""

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """The last and the next run of a job, and the lease under which a worker runs it.

    The lease has no end in the database, because clocks jump. Its holder raises `lease_version` every few seconds. Another
    worker that has watched the same version for JOB_LEASE_SECONDS, by its own clock that cannot be set, ends the lease.
    """

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        INTERRUPTED = "interrupted"  # its worker was stopped or ended

    name = models.CharField(max_length=64, primary_key=True)
    next_run_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveBigIntegerField(null=True)  # not the difference of two times: the clock may be set
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="", db_default="")
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="", db_default="")
    failures = models.PositiveIntegerField(default=0, db_default=0)  # since the last success
    lease_holder = models.CharField(max_length=128, blank=True, default="", db_default="")
    lease_version = models.PositiveBigIntegerField(default=0, db_default=0)
    lease_renewed_at = models.DateTimeField(null=True)  # for people; no decision depends on it

    class Meta:
        default_permissions = ("view",)
        permissions = [("apply_migrations", "Can apply migrations through the API")]
        constraints = [
            models.CheckConstraint(
                condition=Q(lease_holder="", lease_renewed_at__isnull=True)
                | (~Q(lease_holder="") & Q(lease_renewed_at__isnull=False)),
                name="job_lease_held_iff_renewed",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="job_named"),
        ]

    def __str__(self) -> str:
        return self.name
