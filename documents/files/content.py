"""Which type a file has, by its content alone. Its name and the media type that the client gave do not count."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

import puremagic

from documents.files.errors import UnsupportedFileType

PIECE_BYTES = 64 * 1024
# Longer than any text that MARKUP finds, so that one across two pieces is found too.
OVERLAP = 512
END_BYTES = 1024
# HTML, XML, SVG and scripts are no plain text: a program may open them as what they are. Text are "<3", "price < 5 euro",
# "List<String>", "<anna@example.com>" and "<https://example.com/?a=b>".
TAG_NAME = rb"[a-z][a-z0-9-]{0,40}(?::[a-z][a-z0-9-]{0,40})?"
MARKUP = re.compile(
    rb"<(?:"
    rb"[!?\s/]{0,8}(?:doctype|html|head|body|script|style|svg|xml|iframe|object|embed|img|link|meta|php|math|%)"
    rb"|!--|!\[cdata\["
    rb"|/" + TAG_NAME + rb"[\s/]{0,8}>"  # a closing tag
    rb"|" + TAG_NAME + rb"[\s/]{1,8}[^\s<>=\"'/]{1,40}\s{0,8}="  # a tag whose first attribute has a value
    rb"|" + TAG_NAME + rb"[\s/][^<>=]{1,200}=[^<>]{0,200}>"  # a tag with any attribute that has one
    rb")",
    re.IGNORECASE,
)
SCRIPT_START = re.compile(rb"(\xef\xbb\xbf)?#!")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
PDF_START = re.compile(rb"%PDF-[12]\.\d[\r\n ]")


@dataclass(frozen=True)
class ContentType:
    """`extensions` are those that a name may have, the usual one first. `picture_format` is Pillow's name."""

    media_type: str
    extensions: tuple[str, ...]
    picture_format: str | None = None


PDF = ContentType("application/pdf", (".pdf",))
TEXT = ContentType("text/plain", (".txt", ".csv", ".md", ".log"))
PNG = ContentType("image/png", (".png",), "PNG")
JPEG = ContentType("image/jpeg", (".jpg", ".jpeg"), "JPEG")
WEBP = ContentType("image/webp", (".webp",), "WEBP")
TYPES = {each.media_type: each for each in (PDF, TEXT, PNG, JPEG, WEBP)}
ACCEPTED = "PDF, PNG, JPEG, WebP and plain text (UTF-8)"


def content_type_of(path: Path) -> ContentType:
    """Raises UnsupportedFileType."""
    with path.open("rb") as opened:
        start = opened.read(PIECE_BYTES)
    if start.startswith(b"%PDF"):
        refuse_broken_pdf(path, start)
        return PDF
    picture = TYPES.get(magic_type(start))
    if picture is not None and picture.picture_format:
        return picture
    refuse_other_than_text(path)
    return TEXT


def magic_type(start: bytes) -> str:
    """The media type that the first bytes say; empty if they say none."""
    try:
        return str(puremagic.from_string(start, mime=True))
    except puremagic.PureError:
        return ""


def refuse_broken_pdf(path: Path, start: bytes) -> None:
    """Its header must be at the very beginning and its end at the end, so that it is not another file in disguise."""
    with path.open("rb") as opened:
        opened.seek(max(0, path.stat().st_size - END_BYTES))
        end = opened.read()
    if not PDF_START.match(start) or b"%%EOF" not in end:
        raise UnsupportedFileType("This is not a whole PDF.", field="file")


def refuse_other_than_text(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = b""
    with path.open("rb") as opened:
        if SCRIPT_START.match(opened.read(5)):
            raise markup()
        opened.seek(0)
        while piece := opened.read(PIECE_BYTES):
            try:
                text = decoder.decode(piece)
            except UnicodeDecodeError as error:
                raise unsupported() from error
            if CONTROL.search(text):
                raise unsupported()
            if MARKUP.search(before + piece):
                raise markup()
            before = piece[-OVERLAP:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise unsupported() from error


def markup() -> UnsupportedFileType:
    return UnsupportedFileType("HTML, XML and scripts are not accepted as text.", field="file")


def unsupported() -> UnsupportedFileType:
    return UnsupportedFileType(f"Accepted are {ACCEPTED}.", field="file")
