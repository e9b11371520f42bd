from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.signing_keys.views import SigningKeysView


def signing_keys_urls(site: AdminSite) -> list[URLPattern]:
    return [path("signing-keys/", site.admin_view(SigningKeysView.as_view()), name="signing_keys")]
