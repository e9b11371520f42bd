"""Second factors, and links for setting a password."""

from django.db import models
from django.db.models import Q


class TotpDevice(models.Model):
    """An authenticator app that shows a new code every 30 seconds (RFC 6238)."""

    admin = models.OneToOneField("accounts.Admin", on_delete=models.CASCADE, related_name="totp_device")
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

    admin = models.ForeignKey("accounts.Admin", on_delete=models.CASCADE, related_name="recovery_codes")
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

    admin = models.ForeignKey("accounts.Admin", on_delete=models.CASCADE, related_name="security_keys")
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

    admin = models.OneToOneField("accounts.Admin", on_delete=models.CASCADE, related_name="password_link")
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
