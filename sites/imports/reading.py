"""An uploaded CSV file as rows of cells, or a sentence that says why it cannot be read."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from common.values import has_control_characters
from sites.imports.columns import IGNORED, IMPORTED
from sites.imports.errors import UnreadableFile
from sites.imports.formulas import unescape_formulas

MAX_BYTES = 1_000_000
MAX_ROWS = 1_000
MAX_NAMED = 5
DELIMITERS = ",;"


@dataclass(frozen=True)
class Row:
    """`line` is the line of the file at which it begins, `cells` holds the cells that are not empty, by column.

    `fault` says why the row has no cells that can be read.
    """

    line: int
    cells: dict[str, str]
    fault: str = ""


@dataclass(frozen=True)
class SiteFile:
    rows: list[Row]
    ignored_columns: list[str]


def read_file(content: bytes) -> SiteFile:
    """Raises UnreadableFile."""
    text = decoded(content)
    lines = lines_of(text, delimiter_of(text))
    columns = checked_columns(next(lines, (1, [""]))[1])
    rows = [row_of(line, cells, columns) for line, cells in bounded(lines)]
    if not rows:
        raise UnreadableFile("The file has a header and no row below it.")
    return SiteFile(rows, [name for name in columns if name in IGNORED])


def decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"The file has more than {MAX_BYTES:,} bytes; import it in parts.")
    if content.startswith(b"PK\x03\x04"):
        raise UnreadableFile("This is a workbook or another ZIP archive. Save the sheet as “CSV UTF-8” first.")
    if b"\x00" in content:
        raise UnreadableFile("The file contains NUL bytes: it is UTF-16 or not a text. Save it as “CSV UTF-8”.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(f"The file is not UTF-8 (line {line}). Save it as “CSV UTF-8”.") from error


def delimiter_of(text: str) -> str:
    """The one that the header has: no column's name contains a delimiter."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    present = [delimiter for delimiter in DELIMITERS if delimiter in header]
    if len(present) > 1:
        raise UnreadableFile("The header has commas and semicolons; use only one of the two.")
    return present[0] if present else DELIMITERS[0]


def lines_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with a cell that is not empty, as a pair: the number of the line at which it begins, and its cells."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(f"Line {begins} cannot be read as CSV: {error}.") from error


def checked_columns(header: list[str]) -> list[str]:
    columns = [name.strip() for name in header]
    if not any(columns):
        raise UnreadableFile("The file is empty.")
    unknown = [name or "(no name)" for name in columns if name not in IMPORTED and name not in IGNORED]
    if unknown:
        raise UnreadableFile(f"The first line must name the columns. Unknown: {listed(unknown)}.")
    twice = [name for name, times in Counter(columns).items() if times > 1]
    if twice:
        raise UnreadableFile(f"Columns that are named more than once: {listed(twice)}.")
    if not set(columns) & set(IMPORTED):
        raise UnreadableFile(f"No column that can be imported. These can: {', '.join(IMPORTED)}.")
    return columns


def bounded(lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        if number > MAX_ROWS:
            raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows; import it in parts.")
        yield line


def row_of(line: int, cells: list[str], columns: list[str]) -> Row:
    if len(cells) != len(columns):
        return Row(line, {}, f"Has {len(cells)} cells; the header has {len(columns)}.")
    return Row(line, {name: read_cell(cell) for name, cell in zip(columns, cells, strict=True) if cell.strip()})


def read_cell(cell: str) -> str:
    # No field takes control characters; without them the time that this takes is bounded by the cell's length.
    return cell if has_control_characters(cell) else unescape_formulas(cell)


def listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(shortened(name) for name in names[:MAX_NAMED]) + more


def shortened(text: str) -> str:
    """The beginning of a text, on one line, to quote it in a message."""
    quoted = re.sub(r"\s+", " ", text[:60])
    return quoted if len(text) <= 60 else f"{quoted}…"
