"""`/api/organizations`, with the number of devices."""

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from fleet.devices.models import Device
from sites.api.organizations import OrganizationViewSet
from sites.querysets import OrganizationQuerySet


class CountedOrganizationViewSet(OrganizationViewSet):
    def counted(self, organizations: OrganizationQuerySet) -> OrganizationQuerySet:
        devices = Device.objects.live().of_live_sites().filter(site__organization=OuterRef("pk"))
        number = devices.order_by().values("site__organization").values(number=Count("pk"))
        annotated: OrganizationQuerySet = super().counted(organizations).annotate(devices=Coalesce(Subquery(number), 0))
        return annotated
