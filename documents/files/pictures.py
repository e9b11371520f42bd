"""Pictures are encoded anew: only pixels are kept, so that nothing else in the file reaches anybody.

Metadata (place, camera, comments), profiles of colours and bytes that are no picture are dropped; the orientation that the
camera recorded is applied first. Of an animation the first picture stays. The preview is made at the same time.
"""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from documents.files.clean_picture import NO_ROOM, REFUSED, UNWRITABLE
from documents.files.errors import FileInvalid, FileStorageFull, FileStorageUnavailable, PicturesBusy

PROGRAM = Path(__file__).with_name("clean_picture.py")
# More than its CPU_SECONDS, for a machine that has other work to do.
SECONDS = 12
# What takes all memory or CPU time is ended by the kernel, and a damaged picture may crash a decoder.
SIGNALS = {-24: "The picture takes too long to read.", -11: "The picture is damaged.", -6: "The picture is damaged."}
# Each one takes a thread of the web process and up to a gigabyte. Those that wait take a thread too.
WAIT_SECONDS = 3
one_at_a_time = threading.Lock()

log = logging.getLogger("portcullis.files")


def encode_anew(source: Path, target: Path, preview: Path, *, picture_format: str) -> None:
    """Write the picture to `target`, and a JPEG of at most 216 by 216 pixels to `preview`.

    Raises FileInvalid for what is no picture of this format, has too many pixels, or takes too long or too much memory to
    read, PicturesBusy if others do not end soon, and FileStorageFull or FileStorageUnavailable for the server's own disk.
    """
    if not one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise PicturesBusy
    try:
        done = subprocess.run(  # noqa: S603 - our own program, without a shell
            [sys.executable, "-P", str(PROGRAM), picture_format, str(source), str(target), str(preview)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            env=environment(),
        )
    except subprocess.TimeoutExpired as error:
        log.error("a picture was not read within %s seconds", SECONDS)
        raise PicturesBusy from error
    finally:
        one_at_a_time.release()
    if done.returncode != 0:
        refuse(done)


def environment() -> dict[str, str]:
    """Where its modules are. No secrets: a picture may take over its decoder."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def refuse(done: "subprocess.CompletedProcess[bytes]") -> None:
    status, said = done.returncode, done.stderr[-300:].decode(errors="replace").strip()
    if status == REFUSED or status in SIGNALS:
        log.info("a picture was refused with status %s: %s", status, said)
        raise FileInvalid(done.stdout.decode() if status == REFUSED else SIGNALS[status], field="file")
    log.error("a picture could not be encoded, status %s: %s", status, said)
    if status == NO_ROOM:
        raise FileStorageFull
    raise FileStorageUnavailable if status == UNWRITABLE else PicturesBusy
