from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrPlainStorage(CompressedManifestStaticFilesStorage):
    """Names with a fingerprint where `collectstatic` has run, plain names where it has not.

    Without it whitenoise serves the files from where they lie (WHITENOISE_USE_FINDERS), so that a server whose operator
    forgot the step shows its pages all the same.
    """

    def url(self, name: str | None, force: bool = False) -> str:
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return super().url(name, force)
