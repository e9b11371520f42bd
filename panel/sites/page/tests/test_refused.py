"""The page of a site says that calls with another key were refused, also while its heartbeats are still expected."""

from accounts.models import Admin
from conftest import Clock, RegisteredSite
from panel.sites.page.tests.site_form import open_page
from sites.models import SitePulse


def refuse(site: RegisteredSite, clock: Clock) -> None:
    """As a call with a wrong key is stored; see `heartbeat.refused_calls`."""
    SitePulse.objects.filter(pk=site.site_id).update(
        last_refused_at=clock(), refused_since=clock(), last_refused_ip="192.0.2.7"
    )


def test_an_online_site_shows_a_refused_call_without_an_alarm(anna: Admin, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    clock.move(minutes=10)
    refuse(roma, clock)
    text = open_page(anna, roma).text
    assert "Since its last heartbeat a call with another key was refused, at 12:10 UTC from 192.0.2.7." in text
    assert "▲ wrong key" not in text
    roma.call_home()
    assert "was refused" not in open_page(anna, roma).text


def test_a_site_that_is_late_calls_with_a_wrong_key(anna: Admin, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    clock.move(minutes=10)
    refuse(roma, clock)
    clock.move(hours=7)
    text = open_page(anna, roma).text
    assert "It calls with a wrong key since 12:10 UTC, from 192.0.2.7." in text
    assert "▲ wrong key" in text


def test_the_current_key_is_not_used_until_the_site_has_called_with_it(anna: Admin, roma: RegisteredSite) -> None:
    assert "● current, not used yet" in open_page(anna, roma).text
    roma.call_home()
    text = open_page(anna, roma).text
    assert "● current" in text
    assert "not used yet" not in text
