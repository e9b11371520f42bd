"""Procfile and render.yaml name programs, commands and settings that exist. tests/test_container.py runs the commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.web import client_address
from config import environment, settings

ROOT = Path(__file__).resolve().parent.parent
ENTRYPOINT = "scripts/container/entrypoint.sh"
RENDER = yaml.safe_load((ROOT / "render.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = {service["name"]: service for service in RENDER["services"]}


def test_a_procfile_line_runs_a_command_of_the_entrypoint() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines == {
        "release": f"{ENTRYPOINT} migrate",
        "web": f"{ENTRYPOINT} serve",
        "doorbell": f"{ENTRYPOINT} doorbell",
        "worker": f"{ENTRYPOINT} worker",
    }
    assert os.access(ROOT / ENTRYPOINT, os.X_OK)


def test_without_a_virtual_environment_the_platforms_python_is_used(tmp_path: Path) -> None:
    script = tmp_path / ENTRYPOINT
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ENTRYPOINT, script)
    (tmp_path / "manage.py").write_text("import sys; print(*sys.argv[1:])")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run([script, "migrate"], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == "migrate --noinput\n"  # the output of create_signing_key is left out


def test_the_path_of_the_entrypoint_before_a_command_changes_nothing(tmp_path: Path) -> None:
    """Render passes its dockerCommand to the image, whose ENTRYPOINT is that script."""
    script = tmp_path / ENTRYPOINT
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ENTRYPOINT, script)
    (tmp_path / "manage.py").write_text("import sys; print(*sys.argv[1:])")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = SERVICES["portcullis-worker"]["dockerCommand"].split()
    done = subprocess.run([script, *command], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == "worker\n"


def test_on_render_the_client_is_whom_cloudflare_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER_PROXIES", settings_of(SERVICES["portcullis-web"])["TRUSTED_PROXIES"]["value"])
    monkeypatch.setattr("django.conf.settings.TRUSTED_PROXIES", environment.proxies("RENDER_PROXIES")[0])
    render = client_address.parse_address("10.21.157.68")
    for cloudflare in ("104.22.17.40", "172.71.3.4", "2606:4700::1"):
        client = client_address.first_untrusted(render, f"198.51.100.9, 203.0.113.7, {cloudflare}")
        assert str(client) == "203.0.113.7"


def settings_of(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    groups = {group["name"]: group["envVars"] for group in RENDER["envVarGroups"]}
    variables: dict[str, dict[str, Any]] = {}
    for variable in service.get("envVars", []):
        for one in groups[variable["fromGroup"]] if "fromGroup" in variable else [variable]:
            variables[one["key"]] = one
    return variables


@pytest.mark.parametrize("name", ["portcullis-web", "portcullis-doorbell", "portcullis-worker"])
def test_a_service_on_render_has_what_production_must_set_and_no_secret_in_the_file(name: str) -> None:
    variables = settings_of(SERVICES[name])
    assert {
        "SECRET_KEY",
        "SITE_KEY_PEPPER",
        "ALLOWED_HOSTS",
        "DATABASE_URL",
        "HTTPS_ONLY",
        "TRUSTED_PROXIES",
    } <= variables.keys()
    documented = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert variables.keys() <= set(documented)
    assert variables["SECRET_KEY"]["generateValue"] is variables["SITE_KEY_PEPPER"]["generateValue"] is True
    for key in ("ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"):
        assert "value" not in variables[key]


def test_what_a_service_on_render_refers_to_exists() -> None:
    databases = {database["name"] for database in RENDER["databases"]}
    for service in SERVICES.values():
        for variable in service.get("envVars", []):
            if source := variable.get("fromDatabase"):
                assert source["name"] in databases
            if source := variable.get("fromService"):
                assert SERVICES[source["name"]]["type"] == source["type"]
        for command in ("preDeployCommand", "dockerCommand"):
            if command in service:
                assert service[command].split()[0] == f"/app/{ENTRYPOINT}"


def test_nothing_on_render_is_reachable_but_the_web_service_and_the_doorbell() -> None:
    kinds = {name: service["type"] for name, service in SERVICES.items()}
    reachable = [name for name, kind in kinds.items() if kind not in {"worker", "keyvalue"}]
    assert reachable == ["portcullis-web", "portcullis-doorbell"]
    assert SERVICES["portcullis-doorbell"]["healthCheckPath"] == "/doorbell/health"
    assert all(thing["ipAllowList"] == [] for thing in (*RENDER["databases"], SERVICES["portcullis-redis"]))
    assert SERVICES["portcullis-web"]["healthCheckPath"] == "/health/live"
    assert any(re.match(exempt, "health/live") for exempt in settings.SECURE_REDIRECT_EXEMPT)
