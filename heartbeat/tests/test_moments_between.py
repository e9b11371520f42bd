"""What happens between a site's authentication and its check-in."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from conftest import RegisteredSite
from heartbeat.errors import InvalidSiteCredentials
from heartbeat.services import Report, SiteCredentials, authenticate_site, check_in
from sites.models import SiteKey, SitePulse

REPORT = Report("1.0.0", 60)


def test_a_rotation_in_between_does_not_retire_the_key_in_use(api: APIClient, roma: RegisteredSite) -> None:
    second = api.post(f"{roma.path}/rotate-key").data["secret_key"]
    assert roma.call_home(second).status_code == 200
    at = timezone.now()
    proving = authenticate_site(SiteCredentials(roma.site_id, second), at=at)
    third = api.post(f"{roma.path}/rotate-key").data["secret_key"]
    check_in(proving, REPORT, ip=None, at=at)
    assert roma.call_home(second).status_code == 200
    assert roma.call_home(third).status_code == 200
    assert roma.call_home().status_code == 401


def test_a_site_that_is_gone_in_between_is_no_site(roma: RegisteredSite) -> None:
    at = timezone.now()
    key = authenticate_site(SiteCredentials(roma.site_id, roma.key), at=at)
    SiteKey.objects.all().delete()
    SitePulse.objects.all().delete()
    with pytest.raises(InvalidSiteCredentials):
        check_in(key, REPORT, ip=None, at=at)
