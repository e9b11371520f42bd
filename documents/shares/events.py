"""Events about links to the page of a site. Their subject is the site; none holds a token."""

from django.db.models import TextChoices


class ShareAction(TextChoices):
    CREATED = "site.share_created"
    REVOKED = "site.share_revoked"
