"""compose.yaml fits its published schema, publishes nginx alone, and has its secrets in files that prepare.sh makes.

`python -m tests.container` runs its services without a container engine.
"""

import copy
import importlib.util
import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "web", "doorbell", "worker", "backup"]
ONE_SHOT = ["migrate"]


def published_schema() -> dict[str, Any]:
    """The schema of the Compose specification, as check-jsonschema ships it. Importing that package would take seconds."""
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    schemas = Path(package.origin).parent / "builtin_schemas/vendor"
    schema: dict[str, Any] = json.loads((schemas / "compose-spec.json").read_text())
    return schema


def test_the_file_fits_the_published_schema_and_nonsense_does_not() -> None:
    import jsonschema  # takes more than a second, and each process that collects tests imports this module

    schema = jsonschema.Draft202012Validator(published_schema())
    assert [error.message for error in schema.iter_errors(COMPOSE)] == []
    nonsense = copy.deepcopy(COMPOSE)
    nonsense["services"]["web"]["restarts"] = nonsense["services"]["web"].pop("restart")
    assert not schema.is_valid(nonsense)


def test_only_nginx_is_published() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}
    # The networks have no IPv6: its clients would all come from the engine's address, which is a trusted proxy's.
    assert all(port.startswith("0.0.0.0:") for port in SERVICES["nginx"]["ports"])
    assert not any(network.get("enable_ipv6") for network in COMPOSE["networks"].values())
    assert {
        name for name, service in SERVICES.items() if service.get("network_mode") or service.get("privileged")
    } == set()
    # The database and Redis are on a network without a way out, where nginx is not.
    assert COMPOSE["networks"]["back"]["internal"]
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["back"]
    assert SERVICES["nginx"]["networks"] == ["front"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_write_nowhere_and_have_no_privilege(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the image's own user is not root"
    assert all(not isinstance(volume, str) or volume.endswith(":/app/var") for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_restarts_and_says_whether_it_is_healthy(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert service["healthcheck"].get("test") or service["healthcheck"]["disable"]
    for other, on in service.get("depends_on", {}).items():
        assert on["condition"] == ("service_completed_successfully" if other in ONE_SHOT else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_as_files_that_the_service_mounts(name: str) -> None:
    service = SERVICES[name]
    mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
    settings = service.get("environment", {})
    assert {value for setting, value in settings.items() if setting.endswith("_FILE")} <= mounted
    for secret in ("PASSWORD", "SECRET_KEY", "SITE_KEY_PEPPER", "DATABASE_URL", "REDIS_URL"):
        assert not any(setting.endswith(secret) for setting in settings)
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_command_has_a_secret_as_an_argument(name: str) -> None:
    """The list of processes shows arguments to everybody on the machine. redis-server opens the file whose name it gets."""
    service = SERVICES[name]
    command, check = service.get("command", []), service.get("healthcheck", {}).get("test", [])
    public = {"/run/secrets/allowed_hosts", "/run/secrets/redis_conf"}
    assert set(re.findall(r"/run/secrets/\w+", " ".join([*command, *check]))) <= public


def test_the_role_that_serves_gets_its_rights_after_each_migration() -> None:
    command, role = SERVICES["migrate"]["command"]
    assert command == "migrate-and-grant"
    assert f"app={role} " in (ROOT / "deploy/compose/roles.sh").read_text()
    for name in ("web", "doorbell", "worker", "backup"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", OURS)
def test_what_migrates_or_reads_everything_is_the_owner_of_the_tables_and_nothing_else_is(name: str) -> None:
    is_owner = name in {"migrate", "backup"}
    secret = "database_owner_url" if is_owner else "database_url"
    assert SERVICES[name]["environment"]["DATABASE_URL_FILE"] == f"/run/secrets/{secret}"
    assert ("database_owner_url" in SERVICES[name]["secrets"]) == is_owner


def version(image: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", image.partition(":")[2])))


def test_prometheus_can_read_the_metrics_of_web() -> None:
    assert SERVICES["web"]["environment"]["METRICS_TOKEN_FILE"] == "/run/secrets/metrics_token"
    assert all("metrics_token" not in service.get("secrets", []) for name, service in SERVICES.items() if name != "web")


def test_nothing_depends_on_the_doorbell() -> None:
    assert not [name for name, service in SERVICES.items() if "doorbell" in service.get("depends_on", {})]
    assert SERVICES["web"]["environment"]["DOORBELL_URL_FILE"] == "/run/secrets/doorbell_url"


def test_nginx_and_the_doorbell_can_have_ten_thousand_waiting_sites() -> None:
    nginx = (ROOT / "deploy/compose/nginx.conf").read_text()
    connections, files = (
        int(re.findall(rf"{name} (\d+);", nginx)[0]) for name in ("worker_connections", "worker_rlimit_nofile")
    )
    assert 20_000 < connections < files <= SERVICES["nginx"]["ulimits"]["nofile"]
    assert SERVICES["doorbell"]["ulimits"]["nofile"] > 10_000


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("private")))


def prepare(deploy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([deploy / "compose/prepare.sh", *arguments], capture_output=True, text=True, check=False)


def test_prepare_makes_every_secret_once_and_keeps_strangers_out(deploy: Path) -> None:
    assert prepare(deploy, "licenses.example.org").returncode == 0
    secrets = {name: deploy.parent / secret["file"] for name, secret in COMPOSE["secrets"].items()}
    first = {name: file.read_text() for name, file in secrets.items()}
    assert all(first.values())
    assert first["allowed_hosts"] == "licenses.example.org\n"
    assert first["doorbell_url"] == "https://licenses.example.org/doorbell\n"
    names = ("secret_key", "site_key_pepper", "owner_password", "app_password", "metrics_token")
    random = [first[name] for name in names]
    assert len(set(random)) == len(names)
    assert {len(value.strip()) for value in random} == {64}
    assert first["app_password"].strip() in first["database_url"]
    assert first["owner_password"].strip() in first["database_owner_url"]
    assert stat.S_IMODE((deploy / "compose/private").stat().st_mode) == 0o700

    again = prepare(deploy, "licenses.example.org")
    assert (again.returncode, again.stderr) == (0, "")
    assert {name: file.read_text() for name, file in secrets.items()} == first


def test_prepare_writes_the_shipped_configuration_of_nginx_for_this_host(deploy: Path) -> None:
    assert prepare(deploy, "licenses.example.org").returncode == 0
    written = {file.name: file.read_text() for file in (deploy / "compose/private/nginx").iterdir()}
    assert written.keys() == {file.name for file in (ROOT / "deploy/nginx").glob("*.conf")}
    everything = "".join(written.values())
    for left_over in ("licenses.example.com", "/etc/letsencrypt", "127.0.0.1:8000", "127.0.0.1:8001", "/var/log/nginx"):
        assert left_over not in everything
    assert "server web:8000 resolve " in written["upstream.conf"]
    assert "server doorbell:8001 resolve " in written["upstream_doorbell.conf"]
    assert "resolver 127.0.0.11 " in (ROOT / "deploy/compose/nginx.conf").read_text()
    assert version(SERVICES["nginx"]["image"]) >= (1, 28), "before 1.27.3 nginx looks a name up only when it starts"


@pytest.mark.parametrize("host", ["", "https://licenses.example.org", "a b", "x;y", ".example.org"])
def test_prepare_refuses_what_is_no_host_name(deploy: Path, host: str) -> None:
    refused = prepare(deploy, host)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert not (deploy / "compose/private").exists()
