"""The product's settings with an app whose migrations are slow and fail."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.migration_app.apps.TrialConfig"]
