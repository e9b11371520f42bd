"""Google accounts of admins."""

from django.db import models
from django.db.models import Q


class GoogleAccount(models.Model):
    """The Google account with which an admin may sign in. It is known by its subject; its address may change hands."""

    admin = models.OneToOneField("accounts.Admin", on_delete=models.CASCADE, related_name="google_account")
    # The claim `sub`, which Google never gives to another account.
    subject = models.CharField(max_length=255, unique=True)
    # As Google said it at the linking, for people to recognize the account by.
    email = models.EmailField("e-mail")
    linked_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(subject=""), name="googleaccount_subject_not_empty")]

    def __str__(self) -> str:
        return f"Google account of {self.admin_id}"
