"""Recover PostgreSQL to a moment between two locks, and print each command. docs/backup.md shows what it printed.

    .venv/bin/python -m tests.recovery.point_in_time

It starts a PostgreSQL that archives its write-ahead log, takes a base backup, locks two sites with a moment between them,
deletes the data folder and recovers.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.with_services import free_port, postgresql_bin
from tests.running_server import RunningServer, Site, register

ARCHIVE = """cat >> $data/postgresql.conf <<END
wal_level = replica
archive_mode = on
archive_command = 'test ! -f $archive/%f && cp %p $archive/.%f && sync $archive/.%f && mv $archive/.%f $archive/%f'
archive_timeout = 60
END"""
RECOVER = """cat >> $data/postgresql.conf <<END
restore_command = 'cp $archive/%f %p'
recovery_target_time = '$moment'
recovery_target_action = promote
END"""
PROMOTED_WITHIN_SECONDS = 60


class Shell:
    """Runs commands as PostgreSQL's user and prints them. `$data`, `$archive` and `$base` are folders."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.user = {"user": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.variables = {
            "PATH": f"{postgresql_bin()}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "portcullis",
            "PGDATABASE": "postgres",
            **{name: str(folder / name) for name in ("data", "archive", "base")},
        }
        if self.user:
            shutil.chown(folder, "postgres")

    @property
    def url(self) -> str:
        return f"postgres://portcullis@127.0.0.1:{self.port}/postgres"

    def run(self, command: str, *, printed: bool = True) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            env=self.variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self.user,
        )
        output = done.stdout.strip()
        if printed:
            print(f"$ {command}", *([output] if output else []), sep="\n", flush=True)
        if done.returncode:
            sys.exit(f"{done.stderr}\n{(self.folder / 'log').read_text()}")
        return output


def say(words: str) -> None:
    print(f"\n# {words}", flush=True)


def locks(sites: list[Site]) -> dict[str, bool]:
    """What the next heartbeat of each site says."""
    return {name: site.call_home().json()["locked"] for name, site in zip(("Roma", "Oslo"), sites, strict=True)}


def lose_everything_after(shell: Shell, server: RunningServer) -> tuple[list[Site], str]:
    """Two sites, of which one is locked before the moment that is returned and one after it; then no data folder."""
    server.set_up()
    server.start()
    try:
        api = server.sign_in()
        sites = [register(api, server, name=name) for name in ("Roma", "Oslo")]
        say("A base backup, while the server runs")
        shell.run("pg_basebackup -D $base --checkpoint=fast")
        assert api.post(f"/api/sites/{sites[0].site_id}/lock", {"reason": "unpaid"}).status_code == 200
        time.sleep(1)
        say("Roma was locked; now it is")
        moment = shell.run("psql -Atc 'SELECT now()'")
        time.sleep(1)
        assert api.post(f"/api/sites/{sites[1].site_id}/lock", {"reason": "by mistake"}).status_code == 200
        say(f"and now Oslo is locked by mistake. The heartbeats say that they are locked: {locks(sites)}")
        say("Within archive_timeout the log is in the archive; here at once")
        shell.run("psql -Atc 'SELECT pg_switch_wal()' && sleep 2 && ls $archive")
    finally:
        server.stop()
    say("The data folder is lost")
    shell.run("pg_ctl -D $data -m immediate stop >/dev/null && rm -rf $data")
    return sites, moment


def recover(shell: Shell, moment: str) -> None:
    say(f"Recover to the moment before the mistake: moment='{moment}'")
    shell.variables["moment"] = moment
    shell.run("cp -a $base $data")
    shell.run(RECOVER)
    shell.run("touch $data/recovery.signal")
    shell.run("pg_ctl -D $data -w -s -l log start")
    deadline = time.monotonic() + PROMOTED_WITHIN_SECONDS
    while shell.run("psql -Atc 'SELECT pg_is_in_recovery()'", printed=False) == "t":
        if time.monotonic() > deadline:
            sys.exit("PostgreSQL is still recovering.")
        time.sleep(0.2)
    shell.run("psql -Atc 'SELECT pg_is_in_recovery()'")
    shell.run("grep -h 'recovery stopping\\|archive recovery complete' log | cut -d ' ' -f 5-")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="portcullis-") as name, tempfile.TemporaryDirectory() as own:
        shell = Shell(Path(name))
        say("A PostgreSQL that archives its log")
        shell.run("mkdir $archive && initdb -D $data -U portcullis -A trust -N >/dev/null")
        place = f"listen_addresses = '127.0.0.1'\\nport = {shell.port}\\nunix_socket_directories = '{name}'\\n"
        shell.run(f'printf "{place}" >> $data/postgresql.conf', printed=False)
        shell.run(ARCHIVE)
        shell.run("pg_ctl -D $data -w -s -l log start")
        server = RunningServer(shell.url, Path(own))
        try:
            sites, moment = lose_everything_after(shell, server)
            recover(shell, moment)
            server.start()
            found = locks(sites)
            server.stop()
            say(f"Portcullis runs again; the heartbeats say that they are locked: {found}")
            print("$ python manage.py verify_audit", server.manage("verify_audit").stdout.strip(), sep="\n")
        finally:
            shell.run("pg_ctl -D $data -m fast stop >/dev/null", printed=False)
    return 0 if found == {"Roma": True, "Oslo": False} else 1


if __name__ == "__main__":
    sys.exit(main())
