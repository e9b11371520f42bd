"""A stand-in for systemd, where it cannot run: it starts what the installed units say, and nothing of their hardening.

`systemctl` in the root file system is a shell script that hands its arguments over through a named pipe. Sockets are held
here, as systemd holds them, so that a service can be restarted while connections wait.
"""

import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path

SYSTEMCTL = """#!/bin/sh
mkfifo "/run/systemctl.$$"
echo "$$ $*" >/run/systemctl
read -r status <"/run/systemctl.$$"
rm "/run/systemctl.$$"
exit "$status"
"""


def read_unit(file: Path) -> dict[str, list[str]]:
    """The values of each setting, whatever its section."""
    values: dict[str, list[str]] = defaultdict(list)
    for line in file.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            values[name].append(value)
    return values


class ServiceManager(threading.Thread):
    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.sockets: dict[str, socket.socket] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        program = root / "usr/local/bin/systemctl"
        program.write_text(SYSTEMCTL)
        program.chmod(0o755)
        os.mkfifo(root / "run/systemctl")

    def run(self) -> None:
        while True:
            with (self.root / "run/systemctl").open() as pipe:
                for line in pipe:
                    pid, *arguments = line.split()
                    try:
                        status = self.obey([word for word in arguments if not word.startswith("-")], arguments)
                    except (OSError, subprocess.SubprocessError, KeyError) as error:
                        print(f"systemctl {arguments}: {error}")
                        status = 1
                    (self.root / f"run/systemctl.{pid}").write_text(f"{status}\n")

    def obey(self, words: list[str], arguments: list[str]) -> int:
        verb, units = words[0], words[1:]
        if verb == "enable":
            verb = "start" if "--now" in arguments else "daemon-reload"
        if verb == "daemon-reload":
            return 0
        return max(self.apply(verb, unit) for unit in units)

    def apply(self, verb: str, unit: str) -> int:
        if not unit.startswith("portcullis-"):
            return self.run_init_script(unit, verb)
        if unit.endswith(".timer"):
            return 0
        if unit.endswith(".socket"):
            return self.listen(unit)
        if verb == "is-active":
            return 0 if unit in self.processes and self.processes[unit].poll() is None else 3
        if verb in ("stop", "restart"):
            self.stop(unit)
        if verb in ("start", "restart"):
            return self.start_service(unit)
        return 0

    def run_init_script(self, name: str, verb: str) -> int:
        """Debian's own, not by `service`, which would hand it back to systemctl."""

        def run(verb: str) -> int:
            script = f"/etc/init.d/{name}"
            return subprocess.run(["chroot", str(self.root), script, verb], capture_output=True, check=False).returncode

        return 0 if verb == "start" and run("status") == 0 else run(verb)

    def release_of(self, unit: str) -> str:
        """The name of the folder in which its process runs; `current` may point to another one by now."""
        return (Path("/proc") / str(self.processes[unit].pid) / "cwd").readlink().name

    def unit(self, name: str) -> dict[str, list[str]]:
        return read_unit(self.root / "etc/systemd/system" / name)

    def listen(self, unit: str) -> int:
        if unit not in self.sockets:
            host, _, port = self.unit(unit)["ListenStream"][0].rpartition(":")
            self.sockets[unit] = socket.create_server((host, int(port)), backlog=2048)
        return 0

    def start_service(self, name: str) -> int:
        unit = self.unit(name)
        groups = ",".join([unit["Group"][0], *unit["SupplementaryGroups"]])
        # chroot keeps the process id, which LISTEN_PID must be.
        command = ["chroot", f"--userspec={unit['User'][0]}:{unit['Group'][0]}", f"--groups={groups}", str(self.root)]
        command += ["env", f"--chdir={unit['WorkingDirectory'][0]}", *shlex.split(unit["ExecStart"][0])]
        environment = dict(pair.split("=", 1) for pair in unit["Environment"])
        held = self.sockets.get(name.replace(".service", ".socket"))
        if held:
            command = ["bash", "-c", f'LISTEN_PID=$$ exec "$@" 3<&{held.fileno()}', "bash", *command]
            environment["LISTEN_FDS"] = "1"
        with (self.root / f"var/log/{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
                pass_fds=[held.fileno()] if held else [],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if unit["Type"] == ["oneshot"]:
            return process.wait(300)
        self.processes[name] = process
        return 0

    def stop(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + float(self.unit(name)["TimeoutStopSec"][0])
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
