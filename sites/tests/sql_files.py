"""Compare SQL with a file that a person can read. REWRITE_SQL=1 in the environment writes the files anew."""

import os
import re
from pathlib import Path


def assert_same_sql(sql: str, file: Path) -> None:
    """The file holds the SQL as PostgreSQL gets it, with the long lists of columns that Django writes broken into lines."""
    text = re.sub(r" (FROM|WHERE|AND|OR) ", r"\n    \1 ", sql.strip()) + "\n"
    if os.environ.get("REWRITE_SQL"):
        file.write_text(text)
    assert file.exists(), f"{file} is missing: run the test with REWRITE_SQL=1 and read what it writes."
    assert text == file.read_text(), f"{file} differs: run the test with REWRITE_SQL=1 and read what it writes."
