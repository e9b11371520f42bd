"""The installer lets nginx on Debian have as many connections as its configuration says."""

import subprocess
from pathlib import Path

import pytest

from tests.installation.script import run_functions

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


def test_the_limit_of_open_files_is_as_high_as_the_connections_need(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(DEBIANS.format(folder=tmp_path))
    for _ in range(2):  # as at an upgrade
        changed = run_functions(f"NGINX_CONF={file}; allow_connections", tmp_path)
        assert (changed.returncode, changed.stderr) == (0, "")
    assert "worker_connections 4096;" in file.read_text()
    assert file.read_text().count("worker_rlimit_nofile") == 1
    command = f"ulimit -Sn 1024; exec nginx -t -c {file}"
    tested = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "exceed open file resource limit" not in tested.stderr
