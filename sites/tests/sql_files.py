"""Compare SQL with a file that a person can read. REWRITE_SQL=1 in the environment writes the files anew."""

import os
from pathlib import Path


def assert_same_sql(sql: str, file: Path) -> None:
    if os.environ.get("REWRITE_SQL"):
        file.write_text(f"{sql.strip()}\n")
    assert file.exists(), f"{file} is missing: run the test with REWRITE_SQL=1 and read what it writes."
    assert sql.strip() == file.read_text().strip(), (
        f"{file} differs: run the test with REWRITE_SQL=1 and read the file."
    )
