"""The keys that sign leases. A site that trusts one of them reaches the later ones by their endorsements."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length

models.CharField.register_lookup(Length)

KID_LENGTH = 43  # a SHA-256 in base64url; as long as `x`, 32 bytes in base64url
WAIT_BEFORE_SIGNING = timedelta(days=7)


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def signing(self) -> "SigningKeyQuerySet":
        return self.filter(state=SigningKey.State.SIGNING)

    def published(self) -> "SigningKeyQuerySet":
        return self.filter(state=SigningKey.State.PUBLISHED)

    def listed(self, *, at: datetime) -> "SigningKeyQuerySet":
        """In the public set: something that is valid now may be signed by one of them, or a later lease will be."""
        return self.filter(Q(listed_until=None) | Q(listed_until__gt=at) | Q(stays_listed=True))

    def in_chain(self) -> "SigningKeyQuerySet":
        """Not withdrawn before it signed. Their endorsements lead from any key that ever signed to the present one."""
        return self.filter(Q(activated_at__isnull=False) | Q(state=SigningKey.State.PUBLISHED))

    def oldest_first(self) -> "SigningKeyQuerySet":
        return self.order_by("position")


class SigningKey(models.Model):
    """Only `licensing.services` writes it. Rows are never deleted, so that the chain has no gap.

    The private half is sealed (`licensing.sealing`), or in LEASE_KEY_FILE and null here.
    """

    class State(models.TextChoices):
        PUBLISHED = "published"
        SIGNING = "signing"
        RETIRED = "retired"

    kid = models.CharField(primary_key=True, max_length=KID_LENGTH, editable=False)
    x = models.CharField(max_length=KID_LENGTH, unique=True)
    state = models.CharField(max_length=16, choices=State.choices)
    # The order of the chain: a key comes after the one that endorsed it.
    position = models.PositiveIntegerField()
    endorsement = models.TextField(null=True)  # noqa: DJ001 - null: the first key
    endorsed_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="endorsed")
    sealed_private = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    # The longest life of a lease that a process may have signed with it: recorded by each process before its first lease.
    longest_lease_seconds = models.PositiveIntegerField(default=0, db_default=0)
    # When a retired key leaves the public set, because its leases have ended. Stored, because LEASE_DAYS may have been another
    # one then.
    listed_until = models.DateTimeField(null=True)
    # It signed a document that has no end, so that it stays in the set also after `listed_until`; see `licensing.documents`.
    stays_listed = models.BooleanField(default=False, db_default=False)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="signing"), name="signingkey_one_signing"),
            models.UniqueConstraint(fields=["position"], name="signingkey_position_unique"),
            models.CheckConstraint(
                condition=Q(state__in=["published", "signing", "retired"]), name="signingkey_state_known"
            ),
            models.CheckConstraint(
                condition=Q(kid__length=KID_LENGTH, x__length=KID_LENGTH), name="signingkey_lengths"
            ),
            models.CheckConstraint(
                condition=Q(position=1, endorsement__isnull=True, endorsed_by__isnull=True)
                | Q(position__gt=1, endorsement__isnull=False, endorsed_by__isnull=False),
                name="signingkey_endorsed_unless_first",
            ),
            models.CheckConstraint(
                condition=Q(state="published", activated_at__isnull=True)
                | Q(state="signing", activated_at__isnull=False)
                | Q(state="retired"),
                name="signingkey_activated_iff_it_signed",
            ),
            models.CheckConstraint(
                condition=Q(state="retired", retired_at__isnull=False, listed_until__isnull=False)
                | (~Q(state="retired") & Q(retired_at__isnull=True, listed_until__isnull=True)),
                name="signingkey_retired_iff_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state="retired") | Q(sealed_private__isnull=True),
                name="signingkey_retired_without_private",
            ),
            models.CheckConstraint(
                condition=~Q(state="published") | Q(stays_listed=False), name="signingkey_published_signed_nothing"
            ),
        ]

    def __str__(self) -> str:
        return self.kid

    def is_listed(self, *, at: datetime) -> bool:
        return self.listed_until is None or self.listed_until > at or self.stays_listed

    @property
    def may_sign_at(self) -> datetime:
        return self.created_at + WAIT_BEFORE_SIGNING
