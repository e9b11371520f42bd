from django.urls import re_path

from idempotency.personal_tokens.api import RepeatableTokenViewSet

urlpatterns = [
    re_path(r"^tokens/?$", RepeatableTokenViewSet.as_view({"get": "list", "post": "create"}), name="tokens"),
    re_path(r"^tokens/(?P<id>[^/]+)/?$", RepeatableTokenViewSet.as_view({"delete": "destroy"}), name="token"),
]
