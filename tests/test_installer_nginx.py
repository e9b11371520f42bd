"""The installer lets nginx on Debian have as many connections as its configuration says."""

import subprocess
from pathlib import Path

import pytest

from tests.installation.script import put_program, run_functions
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

# As in Debian's package; the limit of open files is that of its service.
DEBIANS = """\
user www-data;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;

events {{
	worker_connections 768;
	# multi_accept on;
}}
http {{ access_log off; }}
"""
# As an earlier installer left it.
EARLIER = DEBIANS.replace("768", "4096").replace(
    "worker_processes auto;\n", "worker_processes auto;\nworker_rlimit_nofile 8192;\n"
)


@pytest.mark.parametrize("before", [DEBIANS, EARLIER], ids=["new", "upgraded"])
def test_the_limit_of_open_files_is_as_high_as_the_connections_need(tmp_path: Path, before: str) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(before.format(folder=tmp_path))
    for _ in range(2):  # as at an upgrade
        changed = run_functions(f"NGINX_CONF={file}; allow_connections", tmp_path)
        assert (changed.returncode, changed.stderr) == (0, "")
    assert "worker_connections 32768;" in file.read_text()
    assert file.read_text().count("worker_rlimit_nofile 65536;") == file.read_text().count("worker_rlimit_nofile") == 1
    command = f"ulimit -Sn 1024; exec nginx -t -c {file}"
    tested = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "exceed open file resource limit" not in tested.stderr


def test_an_upgrade_keeps_the_addresses_of_the_servers_and_doorbells(tmp_path: Path) -> None:
    for name in ("upstream.conf", "upstream_doorbell.conf", "portcullis.conf"):
        (tmp_path / "nginx").mkdir(exist_ok=True)
        (tmp_path / "nginx" / name).write_text("mine")
    for name in ("cp", "ln", "rm"):
        put_program(tmp_path, name, "")
    (tmp_path / "nginx.conf").touch()
    prepared = f"install() {{ :; }}; NGINX_CONF={tmp_path}/nginx.conf; host=a.example"
    installed = run_functions(f"{prepared}; install_files {ROOT}", tmp_path)
    assert (installed.returncode, installed.stderr) == (0, "")
    texts = {file.name: file.read_text() for file in (tmp_path / "nginx").iterdir()}
    assert texts["upstream.conf"] == texts["upstream_doorbell.conf"] == "mine"
    assert "server_name a.example;" in texts["portcullis.conf"]
