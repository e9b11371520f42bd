"""What PostgreSQL wrote to its log: the changes themselves and, separately, the images of whole pages.

After each checkpoint the first change of a page writes the whole page, so that a crash in the middle of writing it can be
repaired. How many that are depends on how many different pages are touched between two checkpoints, not on the schema.
"""

import re
import subprocess
from dataclasses import dataclass

from benchmarks.postgres import Cluster
from scripts.with_services import postgresql_bin

# Count, bytes of records, bytes of images; each followed by its percentage.
TOTAL = re.compile(r"^Total\s+(\d+)\s+(\d+) \[[^]]*\]\s+(\d+) \[", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """Bytes."""

    records: int
    page_images: int


def position(cluster: Cluster) -> str:
    return str(cluster.admin.value("SELECT pg_current_wal_lsn()"))


def written(cluster: Cluster, begin: str, end: str) -> Written:
    """Between two positions, not more than a checkpoint or two apart: then the log is still there."""
    log = f"{cluster.admin.value('SHOW data_directory')}/pg_wal"
    command = [str(postgresql_bin() / "pg_waldump"), "--path", log, "--start", begin, "--end", end, "--stats"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = TOTAL.search(printed)
    if found is None:
        raise RuntimeError(f"pg_waldump printed no total:\n{printed}")
    return Written(records=int(found[2]), page_images=int(found[3]))
