"""A real Prometheus scrapes the product as shipped; its configuration, alerts and the dashboard fit what the product shows."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from config.metrics.folder import PREFIX, shared_memory
from config.metrics.tests.scraping import samples_of
from scripts.with_services import free_port, running
from tests.databases import prepared_postgresql
from tests.faults.service import children
from tests.running_server import ROOT, RunningServer, Site, register
from tests.test_faults import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=50)]

TOKEN = "scraped-by-a-real-prometheus-0123456789"
PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
LICENSED = 'portcullis_heartbeats_total{verdict="licensed"}'
HEARTBEATS = 'portcullis_http_request_duration_seconds_count{method="POST",route="/api/heartbeat",status="200"}'


@pytest.fixture(scope="module")
def server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("metrics")
    url = prepared_postgresql(postgres_url, folder)
    started = RunningServer(url, folder, settings={"METRICS_TOKEN": TOKEN, "HEARTBEATS_PER_MINUTE": "10000"})
    started.start()
    assert started.manage("create_signing_key").returncode == 0
    run_each_job_once(started)
    back_up(started, folder / "backups")
    yield started
    started.stop()
    assert started.process is not None
    # On a busy machine it may be killed, because it takes too long to stop; then the next one removes the folder.
    assert started.process.returncode == -signal.SIGKILL or not folder_of(started).exists()


def run_each_job_once(server: RunningServer) -> None:
    command = [sys.executable, "manage.py", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=server.environment, stderr=subprocess.DEVNULL)
    try:
        eventually(
            lambda: not any(value for name, value in scrape(server).items() if "job_overdue" in name), seconds=60
        )
    finally:
        worker.terminate()
        assert worker.wait(20) == 0


def back_up(server: RunningServer, folder: Path) -> None:
    command = [sys.executable, "manage.py", "backup", "--folder", str(folder)]
    subprocess.run(command, cwd=ROOT, env=server.environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(server: RunningServer) -> Site:
    return register(server.sign_in(), server)


def scrape(server: RunningServer) -> dict[str, float]:
    answer = requests.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    return samples_of(answer.text)


def folder_of(server: RunningServer) -> Path:
    assert server.process is not None
    return shared_memory() / f"{PREFIX}{server.process.pid}"


def call_home(site: Site, times: int) -> None:
    """Each on a connection of its own, so that every worker process gets some."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: site.call_home().status_code, range(times)))
    assert set(answers) == {200}


def test_every_scrape_shows_the_sum_over_the_worker_processes(server: RunningServer, site: Site) -> None:
    before = scrape(server).get(HEARTBEATS, 0)
    call_home(site, 60)
    counted = [scrape(server) for _ in range(6)]  # by one worker process or another
    assert {samples[LICENSED] for samples in counted} == {before + 60}
    assert {samples[HEARTBEATS] for samples in counted} == {before + 60}
    assert len(list(folder_of(server).glob("counter_*.db"))) == 2
    assert counted[0]["portcullis_worker_processes"] == 2
    assert counted[0]["portcullis_threads"] == 16


def new_workers(server: RunningServer, before: list[int]) -> list[int]:
    """The worker processes of gunicorn that were not there before."""
    assert server.process is not None
    listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False)
    return [pid for pid in map(int, listed.stdout.split()) if pid not in before]


def test_after_a_worker_was_killed_no_count_goes_back_and_no_load_stays(server: RunningServer, site: Site) -> None:
    call_home(site, 20)
    before = scrape(server)
    assert server.process is not None
    processes = children(server.process.pid)
    killed = processes[0]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: bool(new_workers(server, processes)), seconds=30)
    [started] = new_workers(server, processes)
    eventually((folder_of(server) / f"gauge_livesum_{started}.db").exists, seconds=30)
    eventually(lambda: scrape(server)["portcullis_worker_processes"] == 2)
    call_home(site, 20)
    after = scrape(server)
    assert after[LICENSED] == before[LICENSED] + 20
    assert after[HEARTBEATS] == before[HEARTBEATS] + 20
    assert (after["portcullis_threads"], after["portcullis_requests_waiting"]) == (16, 0)


# --- Prometheus ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prometheus(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus with the configuration that we ship; only the port and the interval differ."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    shutil.copytree(PROMETHEUS, folder, dirs_exist_ok=True)
    (folder / "metrics_token").write_text(TOKEN + "\n")
    config = (folder / "prometheus.yml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    (folder / "prometheus.yml").write_text(config.replace("interval: 15s", "interval: 1s"))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with running(command, port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{prometheus}/api/v1/query", params={"query": expression}, timeout=10).json()
    assert answer["status"] == "success", (expression, answer)
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def value(prometheus: str, expression: str) -> float | None:
    result = query(prometheus, expression)
    return float(result[0]["value"][1]) if result else None


def expressions_of_the_dashboard() -> list[str]:
    dashboard = json.loads((GRAFANA / "portcullis.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [target["expr"].replace("$__rate_interval", "1m") for target in targets]


def test_prometheus_sees_the_same_numbers(server: RunningServer, site: Site, prometheus: str) -> None:
    call_home(site, 10)
    site.call_home(key="psk_wrong")
    shown = scrape(server)
    eventually(lambda: value(prometheus, f"sum({LICENSED})") == shown[LICENSED], seconds=20)
    assert value(prometheus, 'up{job="portcullis"}') == 1
    assert value(prometheus, 'sum(portcullis_heartbeats_total{verdict="refused_key"})') == 1
    assert value(prometheus, 'portcullis_sites{status="online"}') == 1
    age = value(prometheus, "portcullis_backup_age_seconds")
    assert age is not None
    assert 0 <= age < 600


def test_every_name_in_the_alerts_and_in_the_dashboard_exists(
    server: RunningServer, site: Site, prometheus: str
) -> None:
    call_home(site, 1)
    assert requests.get(f"{server.url}/", headers={"X-Long": "x" * 70_000}, timeout=5).status_code == 431
    names_url = f"{prometheus}/api/v1/label/__name__/values"
    used = set(re.findall(r"\bportcullis_\w+", (PROMETHEUS / "alerts.yml").read_text()))
    used |= {name for each in expressions_of_the_dashboard() for name in re.findall(r"\bportcullis_\w+", each)}
    assert len(used) > 20
    eventually(lambda: used <= set(requests.get(names_url, timeout=5).json()["data"]), seconds=20)


def test_every_expression_of_the_dashboard_is_valid_and_shows_something(prometheus: str) -> None:
    expressions = expressions_of_the_dashboard()
    assert len(expressions) > 30
    faults = [each for each in expressions if "5.." in each]  # there were none
    eventually(lambda: all(query(prometheus, each) for each in expressions if each not in faults), seconds=20)
    assert [query(prometheus, each) for each in faults] == [[]]


def test_every_alert_is_loaded_and_none_fires_on_a_healthy_server(prometheus: str) -> None:
    groups = requests.get(f"{prometheus}/api/v1/rules", timeout=5).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    alerts = [rule for rule in rules if rule["type"] == "alerting"]
    assert len(alerts) >= 15
    eventually(lambda: query(prometheus, "portcullis:sites_overdue") != [], seconds=10)
    assert {alert["name"] for alert in alerts if alert["state"] == "firing"} == set()
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}


# --- promtool, and the page that the alerts lead to -----------------------------------------------------------------


def promtool(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_finds_no_fault_in_the_metrics(server: RunningServer) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    shown = requests.get(f"{server.url}/metrics", headers=headers, timeout=10).text
    assert promtool("check", "metrics", text=shown) == ""


def test_promtool_accepts_the_configuration_and_the_alerts_fire_when_they_should() -> None:
    promtool("check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml"))
    promtool("check", "rules", str(PROMETHEUS / "alerts.yml"))
    promtool("test", "rules", str(PROMETHEUS / "alerts_test.yml"), str(PROMETHEUS / "backup_alerts_test.yml"))


def test_each_alert_leads_to_a_section_of_the_documentation() -> None:
    alerts = (PROMETHEUS / "alerts.yml").read_text()
    names = re.findall(r"alert: (\w+)", alerts)
    page = (ROOT / "docs" / "observability.md").read_text()
    assert re.findall(r"runbook: (\S+)", alerts) == [f"docs/observability.md#{name.lower()}" for name in names]
    assert [name for name in names if f"### {name}\n" not in page] == []
