"""The ceiling: the least that a Django view can do with a heartbeat. No database, no middleware, one constant verdict.

This module is its own settings and its own URLs.
"""

import json
import os

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
USE_TZ = True

VERDICT = {"licensed": True, "locked": False, "lock_reason": None, "expires_at": "2026-12-31T00:00:00Z"}


@csrf_exempt
def heartbeat(request: HttpRequest) -> JsonResponse:
    json.loads(request.body)
    return JsonResponse(VERDICT)


urlpatterns = [path("api/heartbeat", heartbeat)]
