"""Settings of the small local backend with Django."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "set SECRET_KEY in production")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "django_app.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True
