"""What a spreadsheet would take for a formula leaves us harmless and comes back as it was."""

import csv
import re
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panel.sites.imports.export import csv_lines
from sites.imports.formulas import neutralized, original

HOSTILE = "=+-@＝＋－＠\t\r\n;,\"' a"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 30", "-2", "@SUM(A1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠x", " =1", '"=1', "'=1", "''=1"]
)
def test_a_formula_gets_an_apostrophe_and_loses_it_again(cell: str) -> None:
    assert neutralized(cell) == "'" + cell
    assert original(neutralized(cell)) == cell


@pytest.mark.parametrize(
    "cell", ["", "Trattoria Roma", "O'Neill", "'s-Hertogenbosch", "a=b", "a - b, c@d.example", "''"]
)
def test_an_ordinary_cell_stays_as_it_is(cell: str) -> None:
    assert neutralized(cell) == cell == original(cell)


@pytest.mark.parametrize("cell", ["Roma;=1+1", 'Roma;"=1+1', "Roma\n=1+1", "Roma\t@x", "Roma; -1"])
def test_a_formula_behind_what_may_begin_a_new_cell_is_harmless_too(cell: str) -> None:
    assert re.search(r"[;\t\n]'", neutralized(cell))
    assert original(neutralized(cell)) == cell


@given(st.text(alphabet=HOSTILE, max_size=30) | st.text(max_size=30))
@example("\t\t=")
@example(";;'=")
def test_every_text_comes_back_from_a_file_as_it_was(cell: str) -> None:
    line = csv_lines([["first", neutralized(cell)]])
    # The csv module takes what is alone in a line and empty for nothing, hence the first cell.
    [row] = csv.reader(StringIO(line, newline=""), strict=True)
    assert original(row[1]) == cell


@given(st.text(alphabet=HOSTILE, max_size=30))
def test_no_cell_leaves_us_as_a_formula(cell: str) -> None:
    for delimiter in ";\t\r\n":
        for part in neutralized(cell).split(delimiter):
            assert not re.match(r"[\"\s]*[=+\-@＝＋－＠]", part)
    assert not neutralized(cell).startswith(("\t", "\r"))
