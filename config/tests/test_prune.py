"""The command that is run once a day."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin, PanelSession, PasswordLink, TokenFamily
from accounts.services import start_token_family
from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import call, call_at
from sites.models import SiteImport


def prune(**options: Any) -> str:
    output = StringIO()
    call_command("prune", stdout=output, **options)
    return output.getvalue()


def heartbeats_of_days_ago(site: RegisteredSite, *days: float) -> None:
    for ago in sorted(days, reverse=True):
        call_at(site, timezone.now() - timedelta(days=ago))


def test_old_heartbeats_go_and_young_ones_stay(roma: RegisteredSite) -> None:
    heartbeats_of_days_ago(roma, 500, 401, 399, 1)
    assert json.loads(prune(json=True)) == {
        "heartbeats": 2,
        "thinned_heartbeats": 0,
        "token_families": 0,
        "password_links": 0,
        "personal_tokens": 0,
        "sign_in_attempts": 0,
        "requests_for_access": 0,
        "site_imports": 0,
        "share_links": 0,
        "erasure_requests": 0,
        "idempotent_requests": 0,
        "messages": 0,
        "outages": 0,
        "incidents": 0,
        "license_notices": 0,
        "health_samples": 0,
        "telemetry_periods": 0,
        "fleet_hours": 0,
        "fleet_days": 0,
        "device_status_changes": 0,
        "device_heartbeat_days": 0,
        "device_boots": 0,
        "device_commands": 0,
        "enrolment_codes": 0,
        "firmware_uploads": 0,
        "files": 0,
        "files_without_a_row": 0,
    }
    assert Heartbeat.objects.count() == 2
    assert Heartbeat.objects.filter(received_at__lt=timezone.now() - timedelta(days=400)).count() == 0


def test_it_prunes_in_batches_until_nothing_old_is_left(roma: RegisteredSite) -> None:
    heartbeats_of_days_ago(roma, *(450 + number for number in range(7)), 1)
    with CaptureQueriesContext(connection) as queries:
        assert json.loads(prune(json=True, batch_size=3))["heartbeats"] == 7
    deletions = [query for query in queries if query["sql"].startswith('DELETE FROM "heartbeat_heartbeat"')]
    assert len(deletions) == 4  # the last finds nothing
    assert Heartbeat.objects.count() == 1


def test_heartbeats_of_a_clock_that_was_ahead_do_not_keep_older_ones(roma: RegisteredSite) -> None:
    heartbeats_of_days_ago(roma, 452, 451)
    for seconds in range(10):  # written 450 days ago, with a time of the next year
        call_at(roma, timezone.now() - timedelta(days=450 - 365, seconds=seconds))
    heartbeats_of_days_ago(roma, *(449 - number / 100 for number in range(20)), 1)
    assert json.loads(prune(json=True, batch_size=3))["heartbeats"] == 22
    assert Heartbeat.objects.count() == 11


def test_how_long_to_keep_can_be_given(roma: RegisteredSite) -> None:
    heartbeats_of_days_ago(roma, 40, 20)
    assert json.loads(prune(json=True, heartbeat_days=30))["heartbeats"] == 1


def test_an_old_heartbeat_that_was_written_late_goes_as_well(roma: RegisteredSite) -> None:
    call_at(roma, timezone.now() - timedelta(days=1))
    call_at(roma, timezone.now() - timedelta(days=500))
    assert json.loads(prune(json=True))["heartbeats"] == 1


def test_a_person_reads_what_was_deleted(db: None) -> None:
    kinds = [
        "heartbeats",
        "thinned heartbeats",
        "token families",
        "password links",
        "personal tokens",
        "sign in attempts",
        "requests for access",
        "site imports",
        "share links",
        "erasure requests",
        "idempotent requests",
        "messages",
        "outages",
        "incidents",
        "license notices",
        "health samples",
        "telemetry periods",
        "fleet hours",
        "fleet days",
        "device status changes",
        "device heartbeat days",
        "device boots",
        "device commands",
        "enrolment codes",
        "firmware uploads",
        "files",
        "files without a row",
    ]
    assert prune().splitlines() == [f"Deleted 0 {kind}." for kind in kinds]


def test_expired_token_families_and_counters_go_too(anna: Admin) -> None:
    start_token_family(anna, at=timezone.now() - timedelta(days=2))
    start_token_family(anna, at=timezone.now())
    caches["sign_in_counters"].set("old", 1, -1)
    caches["sign_in_counters"].set("young", 1, 60)
    assert json.loads(prune(json=True))["token_families"] == 1
    assert TokenFamily.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM common_counter")
        assert [row[0] for row in cursor.fetchall()] == [":1:young"]


def test_the_command_calls_every_prune_module() -> None:
    """An app that has a `prune.py` and is missing in the command would keep its rows for good."""
    folder = settings.BASE_DIR
    command = (folder / "config/management/commands/prune.py").read_text(encoding="utf-8")
    folders = [config.path for config in apps.get_app_configs() if Path(config.path).parent == folder]
    modules = [path.relative_to(folder) for app in folders for path in Path(app).rglob("prune.py")]
    named = [".".join(path.with_suffix("").parts) for path in modules if "commands" not in path.parts]
    assert len(named) >= 4
    assert [module for module in named if f"from {module} import" not in command] == []


def test_expired_sessions_of_the_panel_go_too(db: None) -> None:
    for name, days in (("old", -1), ("young", 1)):
        now = timezone.now()
        PanelSession.objects.create(
            session_key=name, expire_date=now + timedelta(days=days), created_at=now, last_used_at=now
        )
    prune()
    assert [session.session_key for session in PanelSession.objects.all()] == ["young"]


def test_links_for_a_password_go_a_month_after_their_end(anna: Admin, ben: Admin, vera: Admin) -> None:
    for admin, days in ((anna, 31), (ben, 29), (vera, -1)):
        end = timezone.now() - timedelta(days=days)
        created = {"created_at": end - timedelta(days=1), "expires_at": end}
        PasswordLink.objects.create(admin=admin, digest=admin.username, **created)
    assert json.loads(prune(json=True))["password_links"] == 1
    assert {link.admin for link in PasswordLink.objects.all()} == {ben, vera}


def test_imports_go_after_a_day_and_their_names_a_month_after_they_were_applied(anna: Admin) -> None:
    kept: dict[str, dict[str, Any]] = {"today": {"rows": []}, "applied": {"applied_at": timezone.now()}}
    gone = {"yesterday": {"rows": []}, "applied long ago": {"applied_at": timezone.now() - timedelta(days=31)}}
    for name, values in (kept | gone).items():
        ago = timedelta(days=0 if name == "today" else 40)
        SiteImport.objects.create(admin=anna, file_name=name, created_at=timezone.now() - ago, **values)
    assert json.loads(prune(json=True))["site_imports"] == 2
    assert {each.file_name for each in SiteImport.objects.all()} == set(kept)


@pytest.mark.parametrize("options", [{"heartbeat_days": 0}, {"batch_size": 0}, {"heartbeat_days": 40_000}])
def test_senseless_numbers_are_refused_in_one_line(db: None, options: dict[str, int]) -> None:
    with pytest.raises(CommandError, match=r"^--heartbeat-days must be 1 to 36500 and --batch-size 1 to 100000\.$"):
        prune(**options)


def test_the_pulse_outlives_the_history(roma: RegisteredSite, api: Any) -> None:
    heartbeats_of_days_ago(roma, 500)
    prune()
    site = api.get(roma.path).json()
    assert site["last_seen_at"] is not None
    assert site["last_heartbeat"]["received_at"] == site["last_seen_at"]
    assert call(roma.site_id, roma.key).status_code == 200
