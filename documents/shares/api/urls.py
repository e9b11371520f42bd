from django.urls import re_path

from documents.shares.api.views import ShareLinkViewSet

SITE = r"^sites/(?P<site_id>[^/]+)"

urlpatterns = [
    re_path(rf"{SITE}/share/?$", ShareLinkViewSet.as_view({"post": "create"}), name="site-share"),
    re_path(rf"{SITE}/shares/?$", ShareLinkViewSet.as_view({"get": "list"}), name="site-shares"),
    re_path(
        rf"{SITE}/shares/(?P<id>[^/]+)/?$", ShareLinkViewSet.as_view({"delete": "destroy"}), name="site-share-link"
    ),
]
