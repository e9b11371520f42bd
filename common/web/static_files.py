from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrPlainStorage(CompressedManifestStaticFilesStorage):
    """File names with a hash if `collectstatic` has run, plain names if it has not.

    Without `collectstatic`, whitenoise serves the files from their source folders (WHITENOISE_USE_FINDERS), so pages work
    on a server whose operator forgot that step.
    """

    def url(self, name: str | None, force: bool = False) -> str:
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return super().url(name, force)
