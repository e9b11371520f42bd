"""Names of files, as they are shown and offered for download. Nothing is stored under such a name."""

import re
import unicodedata
from pathlib import PurePosixPath

MAX_NAME_LENGTH = 120
# Names that Windows gives to devices.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
# They separate the parts of a path, or mean something to a shell or to Windows.
SPECIAL = re.compile(r'[/\\:*?"<>|]')
# Control characters, formats (such as those that change the direction of writing), surrogates, private and unassigned ones,
# separators of lines and paragraphs.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_file_name(given: str, *, extensions: tuple[str, ...]) -> str:
    """The last part of a path without what could mislead a person or a program, ending in one of the `extensions`.

    The first extension is added if the name has none of them, so that the name says what the file is.
    """
    last = re.split(r"[/\\]", given)[-1]
    visible = "".join(" " if unicodedata.category(each) in INVISIBLE else each for each in last)
    plain = " ".join(SPECIAL.sub("_", unicodedata.normalize("NFC", visible)).split()).strip(" .")
    stem, extension = plain, extensions[0]
    if PurePosixPath(plain).suffix.lower() in extensions:
        stem, extension = plain[: plain.rindex(".")], PurePosixPath(plain).suffix
    stem = stem[: MAX_NAME_LENGTH - len(extension)].strip(" .") or "file"
    if RESERVED.fullmatch(stem):
        stem = f"_{stem}"
    return stem + extension
