from django.urls import re_path

from accounts.personal_tokens.api import PersonalTokenViewSet

urlpatterns = [
    re_path(r"^tokens/?$", PersonalTokenViewSet.as_view({"get": "list", "post": "create"}), name="tokens"),
    re_path(r"^tokens/(?P<id>[^/]+)/?$", PersonalTokenViewSet.as_view({"delete": "destroy"}), name="token"),
]
