"""Cells that a spreadsheet would take for a formula, made harmless, and read back as they were.

The rule is OWASP's (https://owasp.org/www-community/attacks/CSV_Injection): an apostrophe before a cell that begins with
`=`, `+`, `-`, `@`, their full-width forms, a tab or a carriage return. The same goes for what follows a semicolon, a tab
or a line break within a cell, where a spreadsheet set to another delimiter would begin a new one, quotes or not.
"""

import re

FORMULA = "[=+\\-@＝＋－＠]"
# Apostrophes before it count as part of it, so that one more is always told from one that was there.
BEGINS_ONE = rf"(?:[\"'\s]*{FORMULA})"
BOUNDARY = r"(?:^|(?<=[;\t\r\n]))"
HARMFUL = re.compile(rf"^(?=[\"']*[\t\r])|{BOUNDARY}(?={BEGINS_ONE})")
NEUTRALIZED = re.compile(rf"^'(?=[\"']*[\t\r])|{BOUNDARY}'(?={BEGINS_ONE})")


def neutralized(cell: str) -> str:
    return HARMFUL.sub("'", cell)


def original(cell: str) -> str:
    """What `neutralized` was given."""
    return NEUTRALIZED.sub("", cell)
