from django.contrib.admin import AdminSite


class PortcullisAdminSite(AdminSite):
    site_header = "Portcullis"
    site_title = "Portcullis"
    index_title = "Control panel"
    enable_nav_sidebar = True
