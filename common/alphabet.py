"""The order of names in lists: by the alphabet, with capital and accented letters beside their plain ones."""

import unicodedata

# Of ICU, for no language in particular. It is deterministic: texts are equal only if all their bytes are.
POSTGRESQL_COLLATION = "und-x-icu"
# SQLite has no such order. `config.sqlite3` gives each connection this function.
SQLITE_FUNCTION = "alphabetical_key"


def alphabetical_key(text: str | None) -> str | None:
    """A key that SQLite sorts by its bytes: the letters in lower case without accents, then the text itself."""
    if text is None:
        return None
    letters = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return f"{letters.casefold()}\0{text}"
