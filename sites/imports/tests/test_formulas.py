"""What a spreadsheet would take for a formula leaves us harmless and comes back as it was."""

import csv
import re
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panel.sites.imports.export import csv_lines
from sites.imports.formulas import escape_formulas, unescape_formulas

HOSTILE = "=+-@＝＋－＠\t\r\n;,\"' a"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 30", "-2", "@SUM(A1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠x", " =1", '"=1', "'=1", "''=1"]
)
def test_a_formula_gets_an_apostrophe_and_loses_it_again(cell: str) -> None:
    assert escape_formulas(cell) == "'" + cell
    assert unescape_formulas(escape_formulas(cell)) == cell


@pytest.mark.parametrize(
    "cell", ["", "Trattoria Roma", "O'Neill", "'s-Hertogenbosch", "a=b", "a - b, c@d.example", "''"]
)
def test_an_ordinary_cell_stays_as_it_is(cell: str) -> None:
    assert escape_formulas(cell) == cell == unescape_formulas(cell)


@pytest.mark.parametrize("cell", ["Roma;=1+1", 'Roma;"=1+1', "Roma\n=1+1", "Roma\t@x", "Roma; -1"])
def test_a_formula_behind_what_may_begin_a_new_cell_is_harmless_too(cell: str) -> None:
    assert re.search(r"[;\t\n]'", escape_formulas(cell))
    assert unescape_formulas(escape_formulas(cell)) == cell


@pytest.mark.slow
@given(st.text(alphabet=HOSTILE, max_size=30) | st.text(max_size=30))
@example("\t\t=")
@example(";;'=")
def test_every_text_comes_back_from_a_file_as_it_was(cell: str) -> None:
    line = csv_lines([["first", escape_formulas(cell)]])
    # The csv module takes what is alone in a line and empty for nothing, hence the first cell.
    [row] = csv.reader(StringIO(line, newline=""), strict=True)
    assert unescape_formulas(row[1]) == cell


@given(st.text(alphabet=HOSTILE, max_size=30))
def test_no_cell_leaves_us_as_a_formula(cell: str) -> None:
    for delimiter in ";\t\r\n":
        for part in escape_formulas(cell).split(delimiter):
            assert not re.match(r"[\"\s]*[=+\-@＝＋－＠]", part)
    assert not escape_formulas(cell).startswith(("\t", "\r"))
