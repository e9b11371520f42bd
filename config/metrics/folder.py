"""The folder in which the processes of one gunicorn keep their counters for each other.

`prometheus_client` reads PROMETHEUS_MULTIPROC_DIR when it is imported. gunicorn.conf.py calls this in the master process, which
loads neither Django nor `prometheus_client`, before it starts workers. The files are mapped into memory, so the folder is on a
file system in memory if there is one.
"""

import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "portcullis-metrics-"


def shared_memory() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made for our user alone
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def open_folder() -> None:
    """Make an empty folder for this master process, and remove those of masters that were killed."""
    parent = shared_memory()
    remove_abandoned(parent)
    folder = parent / f"{PREFIX}{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(0o700)
    os.environ[VARIABLE] = str(folder)


def remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX)
        if folder.stat().st_uid == os.getuid() and pid.isdecimal() and not is_running(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def close_folder() -> None:
    folder = Path(os.environ.get(VARIABLE, ""))
    if folder.name == f"{PREFIX}{os.getpid()}":
        shutil.rmtree(folder, ignore_errors=True)
