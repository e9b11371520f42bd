"""The order of the menu."""

import re

from django.contrib import admin
from django.test import Client, RequestFactory

from accounts.models import Admin


def test_the_tables_are_in_the_order_of_their_use(anna: Admin) -> None:
    request = RequestFactory().get("/admin/")
    request.user = anna
    apps = admin.site.get_app_list(request)
    assert [app["app_label"] for app in apps] == [
        "sites",
        "devices",
        "firmware",
        "rollouts",
        "alerts",
        "heartbeat",
        "audit",
        "accounts",
    ]
    tables = [model["object_name"] for app in apps for model in app["models"]]
    of_sites, others = tables[:3], tables[3:]
    assert of_sites == ["Site", "Organization", "SiteKey"]
    people = ["Admin", "AccessRequest", "SignInAttempt"]
    assert others == ["Device", "Firmware", "Rollout", "Incident", "Heartbeat", "Event", *people], "and no plumbing"


def test_every_page_after_the_sign_in_has_the_menu(anna: Admin, client: Client) -> None:
    client.force_login(anna)
    page = client.get("/admin/sites/site/").content.decode().partition("</nav>")[0]
    names = re.findall(r'<li><a href="(/admin/[^"]*)"( aria-current="page")?>', page)
    assert names == [
        ("/admin/", ""),
        ("/admin/sites/site/", ' aria-current="page"'),
        ("/admin/sites/organization/", ""),
        ("/admin/devices/device/", ""),
        ("/admin/firmware/firmware/", ""),
        ("/admin/rollouts/rollout/", ""),
        ("/admin/alerts/incident/", ""),
        ("/admin/heartbeat/heartbeat/", ""),
        ("/admin/audit/event/", ""),
        ("/admin/accounts/admin/", ""),
    ]
    assert "main-menu" not in Client().get("/admin/login/").content.decode()


def test_the_tables_of_the_fleet_share_an_entry_that_opens(vera: Admin, client: Client) -> None:
    client.force_login(vera)
    page = client.get("/admin/rollouts/rollout/").content.decode().partition("</nav>")[0]
    group = page.partition('<details class="menu-group" data-current><summary>Fleet</summary>')[2].partition(
        "</details>"
    )[0]
    assert re.findall(r">([^<>]+)</a>", group) == ["Devices", "Firmware", "Roll-outs"]
    assert 'href="/admin/rollouts/rollout/" aria-current="page"' in group
