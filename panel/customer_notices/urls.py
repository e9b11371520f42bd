from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.customer_notices.views import CustomerNoticesView


def customer_notices_urls(site: AdminSite) -> list[URLPattern]:
    return [path("customer-notices/", site.admin_view(CustomerNoticesView.as_view()), name="customer_notices")]
