"""A process under supervision, as systemd or a container engine does it, and a small disk that can be filled."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

RESTART_SECONDS = 2.0  # RestartSec of the units in deploy/systemd


class Service:
    """A process that is started again, two seconds after it has ended, unless it was asked to stay away."""

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen[bytes]], *, stop_signal: int = signal.SIGTERM):
        self.name, self.launch, self.stop_signal = name, launch, stop_signal
        self.wanted, self.closed = threading.Event(), False
        self.starts = 0

    def start(self) -> None:
        self.process = self.launch()
        self.wanted.set()
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()

    def supervise(self) -> None:
        while True:
            self.process.wait()
            if self.wanted.is_set():
                time.sleep(RESTART_SECONDS)
            self.wanted.wait()
            if self.closed:
                return
            self.process = self.launch()
            self.starts += 1

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, within_seconds: float = 30) -> None:
        """End it, and leave it so until `resume`."""
        self.wanted.clear()
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def resume(self) -> None:
        self.wanted.set()

    def close(self) -> None:
        self.closed = True
        self.stop()
        self.wanted.set()
        self.thread.join()


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split()]


def resident_megabytes(pid: int) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), None)
    return None if kilobytes is None else int(kilobytes) / 1024


class SmallDisk:
    """A tmpfs on a folder. It needs the right to mount, which root has outside most containers."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self.megabytes = folder, megabytes
        self.ballast = folder / "ballast"

    def __enter__(self) -> "SmallDisk":
        self.mount(f"size={self.megabytes}m,mode=700")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True, capture_output=True)

    def fill(self) -> None:
        """Shrink it to a little more than what it holds, and fill the rest."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self.mount(f"remount,size={used // 1024 + 2048}k")
        with self.ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                return

    def empty(self) -> None:
        self.ballast.unlink(missing_ok=True)
        self.mount(f"remount,size={self.megabytes}m")


def may_mount() -> bool:
    """Whether this process may mount a tmpfs: it tries in a mount namespace of its own, which leaves no trace."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
