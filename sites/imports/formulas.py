"""Escape the cells that a spreadsheet would take for a formula, and read escaped cells back.

The rule is OWASP's (https://owasp.org/www-community/attacks/CSV_Injection): an apostrophe before a cell that begins with
`=`, `+`, `-`, `@`, their full-width forms, a tab or a carriage return. The same goes for text after a semicolon, a tab
or a line break within a cell: a spreadsheet that is set to another delimiter begins a new cell there, even inside quotes.
"""

import re

FORMULA = "[=+\\-@＝＋－＠]"
# Apostrophes before the formula count as part of it, so that an added one can be distinguished from one that was there.
BEGINS_ONE = rf"(?:[\"'\s]*{FORMULA})"
BOUNDARY = r"(?:^|(?<=[;\t\r\n]))"
HARMFUL = re.compile(rf"^(?=[\"']*[\t\r])|{BOUNDARY}(?={BEGINS_ONE})")
ESCAPED = re.compile(rf"^'(?=[\"']*[\t\r])|{BOUNDARY}'(?={BEGINS_ONE})")


def escape_formulas(cell: str) -> str:
    return HARMFUL.sub("'", cell)


def unescape_formulas(cell: str) -> str:
    """The reverse of `escape_formulas`."""
    return ESCAPED.sub("", cell)
