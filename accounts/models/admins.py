"""Admins: the people who use the control plane."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.events import AdminAction, record_admin_event
from accounts.models.factors import SecurityKey, TotpDevice
from accounts.models.personal_tokens import PersonalToken
from accounts.models.sign_ins import PanelSession, TokenFamily
from accounts.roles import PERMISSIONS, Role
from accounts.usernames import MAX_USERNAME_LENGTH, UsernameValidator
from audit.actors import COMMAND


class AdminQuerySet(models.QuerySet["Admin"]):
    def with_second_factor(self) -> "AdminQuerySet":
        """Annotate `second_factor`: whether each admin has one."""
        own = {"admin": OuterRef("pk")}
        has_app, has_key = (Exists(device.objects.filter(**own)) for device in (TotpDevice, SecurityKey))
        return self.annotate(second_factor=has_app | has_key)

    def with_sign_ins(self, *, at: datetime) -> "AdminQuerySet":
        """Annotate how each admin signs in, and where each is signed in now.

        `second_factor` says whether there is one, `has_app` and `key_count` which; `browser_count` and `api_sign_in_count`
        count the sign-ins that are live.
        """
        own = {"admin": OuterRef("pk")}
        return self.with_second_factor().annotate(
            has_app=Exists(TotpDevice.objects.filter(**own)),
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
        max_length=MAX_USERNAME_LENGTH,
        unique=True,
        validators=[UsernameValidator()],
        error_messages={"unique": "An admin with that user name exists."},
    )
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField("active", default=True)
    last_login = models.DateTimeField("last sign-in", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # The id in the API. Null only for an admin whom the previous release added during an upgrade.
    public_id = models.UUIDField(unique=True, null=True, default=uuid.uuid4, editable=False)
    # Counted up when the admin is disabled: earlier tokens and sessions stay invalid when they are enabled again.
    token_generation = models.PositiveIntegerField(default=0, editable=False)
    # Another person set the password, or seems to know it.
    must_change_password = models.BooleanField(default=False, editable=False)
    # After a reset of the second factors: until when a new one must be set up. None once there is one.
    enrol_until = models.DateTimeField(null=True, editable=False)
    # Right passwords with a wrong second factor since the last sign-in.
    wrong_codes = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    # The personal access token with which the caller came, if one did: this instance may then do no more than the token.
    token: PersonalToken | None = None

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
        of_role = PERMISSIONS.get(self.role, frozenset()) if self.is_active else frozenset()
        return of_role if self.token is None else of_role.intersection(self.token.permissions)

    def has_second_factor(self) -> bool:
        devices = (TotpDevice, SecurityKey)
        return any(device.objects.filter(admin=self).exists() for device in devices)

    # Django's admin site reads these:

    @property
    def is_staff(self) -> bool:
        return self.is_active and self.token is None

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == Role.SYSADMIN and self.token is None

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
