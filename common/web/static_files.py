from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from common.web.links import below_prefix


class BelowPrefix:
    """Addresses of files with the prefix of the request, which the proxy may name. Django reads STATIC_URL once."""

    @property
    def base_url(self) -> str:
        return below_prefix(settings.STATIC_URL)


class PlainStorage(BelowPrefix, StaticFilesStorage):
    """For development, where no file is collected."""


class CollectedOrPlainStorage(BelowPrefix, CompressedManifestStaticFilesStorage):
    """File names with a hash for files that `collectstatic` has seen, plain names for others.

    Without `collectstatic`, whitenoise serves the files from their source folders (WHITENOISE_USE_FINDERS), so pages work
    on a server whose operator forgot that step. After an upgrade without it, a page shows without its new files, where
    Django's storage raises ValueError: the pages of errors, which every request may need, would fail as well.
    """

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
