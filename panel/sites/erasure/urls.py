from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.erasure.views import ConfirmErasureView, RequestErasureView, WithdrawErasureView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    views = {"": RequestErasureView, "_confirm": ConfirmErasureView, "_withdraw": WithdrawErasureView}
    return [
        path(
            f"<uuid:site_id>/erase/{name[1:]}{'/' if name else ''}",
            in_admin(view.as_view(site_admin=site_admin)),
            name=f"sites_site_erase{name}",
        )
        for name, view in views.items()
    ]
