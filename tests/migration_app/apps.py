from django.apps import AppConfig


class TrialConfig(AppConfig):
    name = "tests.migration_app"
    label = "trial"
