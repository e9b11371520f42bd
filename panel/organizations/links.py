"""From an organization to its sites."""

import uuid

from django.urls import reverse

# In the URL of the list of sites.
PARAMETER, NO_ORGANIZATION = "organization", "none"


def sites_of_url(organization_id: uuid.UUID) -> str:
    return f"{reverse('admin:sites_site_changelist')}?{PARAMETER}={organization_id}"
