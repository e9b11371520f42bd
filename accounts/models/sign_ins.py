"""Sign-ins of admins, and attempts at one."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    def live(self, *, at: datetime) -> "TokenFamilyQuerySet":
        return self.filter(ended_at=None, expires_at__gt=at)


class TokenFamily(models.Model):
    """A sign-in through the API: all tokens that come from one login. Of the refresh tokens only the newest works."""

    id = models.UUIDField(primary_key=True, editable=False)
    admin = models.ForeignKey("accounts.Admin", on_delete=models.PROTECT, related_name="token_families")
    newest_token_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, blank=True)
    # When and from where its newest token was issued.
    last_used_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=100, default="", blank=True)

    objects = TokenFamilyQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "token families"
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="tokenfamily_ended_iff_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.admin_id}: {self.id}"

    @property
    def ends_at(self) -> datetime:
        """The latest end, however often its tokens are renewed."""
        return self.created_at + settings.TOKEN_FAMILY_LIFETIME

    def is_too_old(self, *, at: datetime) -> bool:
        return self.ends_at <= at

    def client_words(self) -> str:
        return f"{self.user_agent or 'unknown program'} from {self.address or 'an unknown address'}"


class PanelSession(AbstractBaseSession):
    """A browser that is signed in to the panel, or that has yet to give its second factor.

    `session_key` holds the digest of the key; see `accounts.sessions`.
    """

    session_key = models.CharField("digest of the key", max_length=64, primary_key=True)
    admin = models.ForeignKey("accounts.Admin", null=True, on_delete=models.CASCADE, related_name="panel_sessions")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=100, blank=True)

    class Meta:
        default_permissions = ()

    def client_words(self) -> str:
        return f"{self.user_agent or 'unknown browser'} from {self.address or 'an unknown address'}"

    @classmethod
    def live(cls, *, at: datetime) -> models.QuerySet["PanelSession"]:
        """Neither at their end nor idle for too long."""
        return cls.objects.filter(expire_date__gt=at, last_used_at__gt=at - settings.SESSION_IDLE)

    @classmethod
    def ended(cls, *, at: datetime) -> models.QuerySet["PanelSession"]:
        return cls.objects.exclude(expire_date__gt=at, last_used_at__gt=at - settings.SESSION_IDLE)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Django's session store calls this. An existing session keeps its times and the client's columns."""
        if kwargs.get("force_update"):
            kwargs["update_fields"] = ["session_data", "admin"]
        super().save(*args, **kwargs)

    @classmethod
    def get_session_store_class(cls) -> Any:
        # Django's session classes demand it: accounts.sessions and this model refer to each other.
        from accounts.sessions import SessionStore

        return SessionStore


class AttemptSource(models.TextChoices):
    PANEL = "panel", "Panel"
    API = "api", "API"


class AttemptOutcome(models.TextChoices):
    SIGNED_IN = "signed_in", "Signed in"
    CODE_ASKED = "code_asked", "Second factor asked for"
    STEP_REQUIRED = "step_required", "All right, but a step in the panel is required first"
    CODE_MISSING = "code_missing", "No second factor given"
    WRONG_CODE = "wrong_code", "Wrong second factor"
    WRONG_PASSWORD = "wrong_password", "Wrong password"
    UNKNOWN_NAME = "unknown_name", "Unknown user name"
    DISABLED = "disabled", "Disabled admin"
    WRONG_TOKEN = "wrong_token", "Invalid token of Google"
    UNKNOWN_GOOGLE = "unknown_google", "Unknown Google account"


class SignInAttempt(models.Model):
    """A sign-in that succeeded or failed. See `accounts.services.sign_in_attempts`."""

    MAX_NAME_LENGTH = 150

    Source, Outcome = AttemptSource, AttemptOutcome
    # The password or the Google account was right.
    RIGHT_FIRST_FACTOR = frozenset(
        {Outcome.SIGNED_IN, Outcome.CODE_ASKED, Outcome.STEP_REQUIRED, Outcome.CODE_MISSING, Outcome.WRONG_CODE}
    )

    at = models.DateTimeField()
    # With Google: that of the admin, or the address of an unknown Google account.
    username = models.CharField("user name as typed", max_length=MAX_NAME_LENGTH)
    with_google = models.BooleanField(default=False, db_default=False)
    admin = models.ForeignKey(
        "accounts.Admin", null=True, on_delete=models.CASCADE, related_name="sign_in_attempts", db_index=False
    )
    source = models.CharField("source", max_length=16, choices=Source.choices)
    address = models.GenericIPAddressField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "sign-in attempt"
        indexes = [models.Index(fields=["admin", "-id"], name="signinattempt_of_admin")]
        constraints = [
            models.CheckConstraint(condition=Q(source__in=AttemptSource.values), name="signinattempt_source_known"),
            models.CheckConstraint(condition=Q(outcome__in=AttemptOutcome.values), name="signinattempt_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.get_outcome_display()}"
