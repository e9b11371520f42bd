from django.conf import settings
from django.db import models
from django.db.models import Q


class IdempotentRequest(models.Model):
    """An Idempotency-Key that an admin used, and the answer to repeat. Never holds a site key or another secret."""

    admin = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["admin", "path", "key"], name="idempotentrequest_once"),
            models.CheckConstraint(
                condition=Q(status__isnull=True) | Q(status__gte=200, status__lt=300), name="idempotentrequest_success"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
