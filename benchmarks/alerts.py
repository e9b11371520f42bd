"""How long a look of the judge takes with 100,000 sites, and the delivery of 1,000 messages.

python -m benchmarks.alerts            # writes its section of benchmarks/results.md
python -m benchmarks.alerts --quick    # 2,000 sites and 100 messages; writes nothing
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks import machine, postgres, report, seeding, servers

SITES, MESSAGES = 100_000, 1_000
QUICK_SITES, QUICK_MESSAGES = 2_000, 100
LOOKS = 7
JUDGE_GOAL, DELIVERY_GOAL = 2.0, 60.0

NOTES = """\
Of the sites 91 % are online, 1.5 % late, 1.5 % offline, 2 % never seen, 1 % each locked, inactive, expired,
deregistered. A look is `check_alerts`, on PostgreSQL with two channels that want everything; CPU is of the
judge's own process, without PostgreSQL. Then a fifth of the sites becomes silent within the same quarter of an hour,
which is one incident with as many members, and calls again. A delivery is a signed request on a connection of its own
to a server on the same machine that answers at once, with what is noted of it; the messages of one channel go one after
another."""


# --- Inside the process that is measured ---


def measure(messages: int, url: str) -> dict[str, Any]:
    from django.db import connection
    from django.utils import timezone

    from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, sealed
    from alerts.channels.transports.webhook import new_signing_secret
    from alerts.incidents.judge import check_alerts
    from alerts.models import AlertChannel, Delivery, Incident, ReceivingMark

    now = timezone.now()
    ReceivingMark.objects.create(name=ReceivingMark.WEB, at=now + timedelta(days=1))
    found: dict[str, Any] = {"looks": {}, "incidents": {}}

    def sql(statement: str, *values: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    def look(name: str, times: int = 1) -> None:
        nonlocal now
        walls, cpus = [], []
        for _ in range(times):
            now += timedelta(milliseconds=1)
            wall, cpu = time.perf_counter(), time.process_time()
            check_alerts(at=now)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        found["looks"][name] = [statistics.median(walls), max(walls), statistics.median(cpus)]
        found["incidents"][name] = Incident.objects.unresolved().count()

    look("the first one, without channels")
    sql("VACUUM ANALYZE")
    for number in range(2):
        channel = AlertChannel(name=f"webhook {number}", kind="webhook", created_at=now, shown_address=url)
        channel.sealed_address = sealed(url, purpose=ADDRESS, channel_id=channel.pk)
        channel.sealed_signing_secret = sealed(new_signing_secret(), purpose=SIGNING_SECRET, channel_id=channel.pk)
        channel.save()
    look("nothing new", LOOKS)
    silent = """
        UPDATE sites_sitepulse
           SET due_at = %s + get_byte(uuid_send(site_id), 1) * interval '2 seconds', last_seen_at = %s - interval '6 hours'
         WHERE get_byte(uuid_send(site_id), 0) < 53 AND due_at > %s
    """
    sql(silent, now - timedelta(hours=1, minutes=10), now - timedelta(hours=2), now)
    look("a fifth became silent")
    look("nothing new since", LOOKS)
    sql(
        "UPDATE sites_sitepulse SET due_at = %s + interval '5 hours', last_seen_at = %s WHERE due_at < %s",
        now,
        now,
        now,
    )
    look("all call again")
    look("nothing is open about them", LOOKS)

    Delivery.objects.all().delete()
    sql("VACUUM ANALYZE")
    return found | measure_delivery(messages, at=now)


def measure_delivery(messages: int, *, at: datetime) -> dict[str, Any]:
    """To one of the channels, which `measure` has made."""
    from django.utils import timezone

    from alerts.incidents.services import NewIncident, open_incidents
    from alerts.kinds import Kind
    from alerts.models import AlertChannel, Delivery
    from alerts.outbox.delivery import deliver_channel

    channel, other = AlertChannel.objects.order_by("name")
    AlertChannel.objects.filter(pk=other.pk).update(is_enabled=False)
    open_incidents(
        [NewIncident(Kind.SIGN_IN_ATTACK, "Attack", "", since=at, subject=str(number)) for number in range(messages)],
        at=timezone.now(),
    )
    wall, cpu = time.perf_counter(), time.process_time()
    deliver_channel(channel.pk, holder="benchmark", is_stopping=lambda: False)
    took = [time.perf_counter() - wall, time.process_time() - cpu]
    return {"delivery": took, "delivered": Delivery.objects.filter(state="delivered").count()}


# --- The process that measures ---


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def measured(settings: dict[str, str], messages: int) -> dict[str, Any]:
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    command = [sys.executable, "-m", "benchmarks.alerts", "--measure", str(messages), "--url", url]
    environment = settings | {"ALERT_ALLOW_PRIVATE_ADDRESSES": "true", "DATABASE_PATIENCE": "unlimited"}
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    receiver.shutdown()
    if done.returncode:
        sys.exit("The measured process has failed.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["delivered"] != messages:
        sys.exit(f"{found['delivered']} of {messages} messages were delivered.")
    return found


def section(sites: int, messages: int, command: str) -> str:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        cluster = stack.enter_context(postgres.cluster())
        settings = servers.production_settings(cluster.create_database("alerts"))
        servers.prepare(settings)
        seeding.seed_sites(settings, last=sites, varied=True)
        found = measured(settings, messages)
        surroundings += f"\n{machine.describe_database(cluster.admin)}"
    header = [f"a look at {sites:,} sites", "seconds", "longest", "CPU", "unresolved after it"]
    rows = [
        [name, *(f"{value:.2f}" for value in values), f"{found['incidents'][name]:,}"]
        for name, values in found["looks"].items()
    ]
    seconds, cpu = found["delivery"]
    delivery = (
        f"{messages:,} messages to one webhook: {seconds:.1f} s, {messages / seconds:.0f} in a second;"
        f" {1000 * cpu / messages:.1f} ms of processor time each."
    )
    below: Callable[..., report.Goal] = report.below
    goals = [below(f"a look, {name}", values[1], JUDGE_GOAL, " s") for name, values in found["looks"].items()][1:]
    goals.append(below(f"{messages:,} messages", seconds, DELIVERY_GOAL, " s"))
    reached = "\n".join(map(str, goals))
    return "\n\n".join(["## Alerts", surroundings, report.table(header, rows), delivery, NOTES, "### Goals", reached])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few sites; writes nothing")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        print(json.dumps(measure(chosen.measure, chosen.url)))
        return
    servers.clean_up_when_stopped()
    sizes = (QUICK_SITES, QUICK_MESSAGES) if chosen.quick else (SITES, MESSAGES)
    text = section(*sizes, f"make bench-alerts{' (quick)' if chosen.quick else ''}")
    print(text)
    if not chosen.quick:
        report.write_section("alerts", text)


if __name__ == "__main__":
    main()
