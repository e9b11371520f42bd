"""The ASGI application of the doorbell's own process: `gunicorn -c config/doorbell/gunicorn_settings.py`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from doorbell.application import Doorbell  # noqa: E402 - it needs the models

application = Doorbell()
