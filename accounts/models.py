"""Admins, their sign-ins and their second factors."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.events import AdminAction, record_admin_event
from accounts.roles import PERMISSIONS, Role
from audit.actors import COMMAND


class AdminQuerySet(models.QuerySet["Admin"]):
    def with_sign_ins(self, *, at: datetime) -> "AdminQuerySet":
        """Annotate how each admin signs in, and where each is signed in now.

        `second_factor` says whether there is one, `has_app` and `key_count` which; `browser_count` and `api_sign_in_count`
        count the sign-ins that are live.
        """
        own = {"admin": OuterRef("pk")}
        has_app = Exists(TotpDevice.objects.filter(**own))
        return self.annotate(
            second_factor=has_app | Exists(SecurityKey.objects.filter(**own)),
            has_app=has_app,
            key_count=count_per_admin(SecurityKey.objects.filter(**own)),
            browser_count=count_per_admin(PanelSession.live(at=at).filter(**own)),
            api_sign_in_count=count_per_admin(TokenFamily.objects.filter(**own).live(at=at)),
        )


def count_per_admin(rows: models.QuerySet[Any]) -> Coalesce:
    """The number of the rows that belong to an admin, as a subquery."""
    counts = rows.order_by().values("admin").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counts), 0)


class AdminManager(BaseUserManager["Admin"]):
    def get_queryset(self) -> AdminQuerySet:
        return AdminQuerySet(self.model, using=self._db)

    def create_user(
        self, username: str, email: str, password: str | None = None, *, role: str = Role.VIEWER, **fields: Any
    ) -> "Admin":
        """A new admin, who cannot sign in without a password. It leaves no event; see `accounts.services.create_admin`."""
        admin = self.model(
            username=self.model.normalize_username(username), email=self.normalize_email(email), role=role, **fields
        )
        admin.set_password(password)
        admin.save(using=self._db)
        return admin

    def create_superuser(self, username: str, email: str, password: str | None = None, **fields: Any) -> "Admin":
        """What `manage.py createsuperuser` calls."""
        with transaction.atomic(using=self._db):
            admin = self.create_user(username, email, password, role=Role.SYSADMIN, **fields)
            changes = admin.initial_values()
            record_admin_event(AdminAction.CREATED, admin, by=COMMAND, at=admin.created_at, changes=changes)
        return admin

    def get_by_natural_key(self, username: str | None) -> "Admin":
        """Look a user name up without regard to case: "Anna" and "anna" are the same admin.

        PostgreSQL takes more names to be equal, such as a dotless i and an i. LoginGuard counts by the name as Python
        folds it, so the same folding decides here.
        """
        folded = (username or "").casefold()
        for admin in self.filter(username__iexact=username):
            if admin.username.casefold() == folded:
                return admin
        raise self.model.DoesNotExist


class Admin(AbstractBaseUser):
    """A person who uses the control plane. Admins are disabled and never deleted, because events refer to them."""

    username = models.CharField(
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "An admin with that user name exists."},
    )
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField("active", default=True)
    last_login = models.DateTimeField("last sign-in", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Counted up when the admin is disabled: earlier tokens and sessions stay invalid when they are enabled again.
    token_generation = models.PositiveIntegerField(default=0, editable=False)
    # Another person set the password, or seems to know it.
    must_change_password = models.BooleanField(default=False, editable=False)
    # After a reset of the second factors: until when a new one must be set up. None once there is one.
    enrol_until = models.DateTimeField(null=True, editable=False)
    # Right passwords with a wrong second factor since the last sign-in.
    wrong_codes = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = AdminManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        default_permissions = ("add", "change", "view")
        constraints = [
            models.UniqueConstraint(Lower("username"), name="admin_username_unique_in_any_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="admin_role_known"),
            models.CheckConstraint(condition=~Q(username=""), name="admin_username_not_empty"),
        ]

    def __str__(self) -> str:
        return self.username

    def initial_values(self) -> dict[str, tuple[None, Any]]:
        """What the event of a new admin holds as its changes."""
        return {name: (None, getattr(self, name)) for name in ("username", "email", "role", "is_active")}

    @property
    def permissions(self) -> frozenset[str]:
        return PERMISSIONS.get(self.role, frozenset()) if self.is_active else frozenset()

    def has_second_factor(self) -> bool:
        devices = (TotpDevice, SecurityKey)
        return any(device.objects.filter(admin=self).exists() for device in devices)

    # Django's admin site reads these:

    @property
    def is_staff(self) -> bool:
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == Role.SYSADMIN

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return perm in self.permissions

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return self.permissions.issuperset(perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return any(permission.partition(".")[0] == app_label for permission in self.permissions)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django ends a browser session whose hash differs: after a new password, and after the admin was disabled."""
        salt = "accounts.models.Admin.get_session_auth_hash"
        value = f"{self.password}:{self.token_generation}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.username


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    def live(self, *, at: datetime) -> "TokenFamilyQuerySet":
        return self.filter(ended_at=None, expires_at__gt=at)


class TokenFamily(models.Model):
    """A sign-in through the API: all tokens that come from one login. Of the refresh tokens only the newest works."""

    id = models.UUIDField(primary_key=True, editable=False)
    admin = models.ForeignKey(Admin, on_delete=models.PROTECT, related_name="token_families")
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
    admin = models.ForeignKey(Admin, null=True, on_delete=models.CASCADE, related_name="panel_sessions")
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


class TotpDevice(models.Model):
    """An authenticator app that shows a new code every 30 seconds (RFC 6238)."""

    admin = models.OneToOneField(Admin, on_delete=models.CASCADE, related_name="totp_device")
    encrypted_secret = models.BinaryField()
    # In steps of 30 seconds since 1970. The code of this step, or of an earlier one, is not accepted again.
    last_step = models.BigIntegerField()
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"authenticator app of {self.admin_id}"


class RecoveryCode(models.Model):
    """A code for signing in once when the phone is lost. Only a keyed digest is stored."""

    admin = models.ForeignKey(Admin, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["admin", "digest"], name="recoverycode_unique")]

    def __str__(self) -> str:
        return f"recovery code of {self.admin_id}"


class SecurityKey(models.Model):
    """A security key or passkey (WebAuthn). It works for one host name."""

    admin = models.ForeignKey(Admin, on_delete=models.CASCADE, related_name="security_keys")
    name = models.CharField(max_length=60)
    host = models.CharField(max_length=253)
    credential_id = models.BinaryField(unique=True)
    # With the public key, as the authenticator sent it (WebAuthn, "attested credential data").
    credential = models.BinaryField()
    # The counter that the key sent at its last use; 0 if it does not count. The counter of a copied key falls behind.
    sign_count = models.BigIntegerField()
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["admin", "name"], name="securitykey_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="securitykey_named"),
        ]

    def __str__(self) -> str:
        return self.name


class PasswordLink(models.Model):
    """The newest link by which an admin may set a password once. See `accounts.services.password_links`."""

    admin = models.OneToOneField(Admin, on_delete=models.CASCADE, related_name="password_link")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="passwordlink_ends_after_its_beginning"
            )
        ]

    def __str__(self) -> str:
        return f"password link of {self.admin_id}"


class AttemptSource(models.TextChoices):
    PANEL = "panel", "Panel"
    API = "api", "API"


class AttemptOutcome(models.TextChoices):
    SIGNED_IN = "signed_in", "Signed in"
    CODE_ASKED = "code_asked", "Right password, second factor asked for"
    STEP_REQUIRED = "step_required", "All right, but a step in the panel is required first"
    CODE_MISSING = "code_missing", "Right password, no code"
    WRONG_CODE = "wrong_code", "Right password, wrong second factor"
    WRONG_PASSWORD = "wrong_password", "Wrong password"
    UNKNOWN_NAME = "unknown_name", "Unknown user name"
    DISABLED = "disabled", "Disabled admin"


class SignInAttempt(models.Model):
    """A sign-in that succeeded or failed. See `accounts.services.sign_in_attempts`."""

    MAX_NAME_LENGTH = 150

    Source, Outcome = AttemptSource, AttemptOutcome
    RIGHT_PASSWORD = frozenset(
        {Outcome.SIGNED_IN, Outcome.CODE_ASKED, Outcome.STEP_REQUIRED, Outcome.CODE_MISSING, Outcome.WRONG_CODE}
    )

    at = models.DateTimeField()
    username = models.CharField("user name as typed", max_length=MAX_NAME_LENGTH)
    admin = models.ForeignKey(
        Admin, null=True, on_delete=models.CASCADE, related_name="sign_in_attempts", db_index=False
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
