from django.urls import re_path

from documents.files.api.parsing import FileUploadParser
from documents.files.api.views import FileViewSet

SITE = r"^sites/(?P<site_id>[^/]+)"
FILE = rf"{SITE}/files/(?P<id>[^/]+)"
READ = {"get": "retrieve", "delete": "destroy"}

urlpatterns = [
    re_path(
        rf"{SITE}/upload/?$",
        FileViewSet.as_view({"post": "upload"}, parser_classes=[FileUploadParser]),
        name="site-file-upload",
    ),
    re_path(rf"{SITE}/files/?$", FileViewSet.as_view({"get": "list"}), name="site-file-list"),
    re_path(rf"{FILE}/?$", FileViewSet.as_view(READ), name="site-file-detail"),
    re_path(rf"{FILE}/content/?$", FileViewSet.as_view({"get": "content"}), name="site-file-content"),
]
