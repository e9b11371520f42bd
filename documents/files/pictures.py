"""Pictures are encoded anew: only pixels are kept, so that nothing else in the file reaches anybody.

Metadata (place, camera, comments), profiles of colours and bytes that are no picture are dropped; the orientation that the
camera recorded is applied first. Of an animation the first picture stays.
"""

import logging
import struct
import threading
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageOps

from documents.files.errors import FileInvalid

# 5,000 by 5,000. Each pixel takes four bytes of memory, and turning a picture doubles them.
MAX_PIXELS = 25_000_000
# Pillow itself refuses twice as many when it opens a picture.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
MODES = {"PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}, "JPEG": {"L", "RGB"}, "WEBP": {"RGB", "RGBA"}}
QUALITY: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": 88}, "WEBP": {"quality": 88}}
PREVIEW = 216  # three times the size in the panel, for dense displays
# What Pillow raises for files that are damaged, or made to harm.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    EOFError,
    struct.error,
)
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# A decoded picture may take hundreds of megabytes.
one_at_a_time = threading.Lock()

log = logging.getLogger("portcullis.files")


def encode_anew(source: Path, target: Path, *, picture_format: str) -> None:
    """Raises FileInvalid for what is no picture of this format, or has too many pixels."""
    with one_at_a_time:
        picture = pixels_of(source, picture_format)
        picture.save(target, format=picture_format, **QUALITY[picture_format])


def preview_of(opened: IO[bytes]) -> bytes:
    """A JPEG of a stored picture, within PREVIEW by PREVIEW pixels. Raises FileInvalid."""
    with one_at_a_time:
        try:
            with Image.open(opened, formats=list(MODES)) as picture:
                picture.draft("RGB", (PREVIEW, PREVIEW))  # a JPEG is decoded at a fraction of its size
                small = ImageOps.contain(on_white(picture), (PREVIEW, PREVIEW))
        except BROKEN as error:
            raise FileInvalid("The stored picture cannot be read.") from error
        target = BytesIO()
        small.save(target, format="JPEG", quality=80)
    return target.getvalue()


def on_white(picture: Image.Image) -> Image.Image:
    if picture.has_transparency_data:
        filled = Image.new("RGBA", picture.size, "white")
        filled.alpha_composite(picture.convert("RGBA"))
        picture = filled
    return picture.convert("RGB")


def pixels_of(source: Path, picture_format: str) -> Image.Image:
    try:
        with Image.open(source, formats=[picture_format]) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            opened.load()
            ImageOps.exif_transpose(opened, in_place=True)
            return without_metadata(opened, picture_format)
    except TOO_LARGE as error:
        raise FileInvalid(
            f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.", field="file"
        ) from error
    except BROKEN as error:
        log.info("a picture cannot be read: %s", error)
        raise FileInvalid("The picture is damaged.", field="file") from error


def without_metadata(picture: Image.Image, picture_format: str) -> Image.Image:
    """A copy: Pillow writes some of what `info` holds, such as comments, into the new file."""
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode not in MODES[picture_format]:
        has_alpha = "A" in picture.getbands() and picture_format != "JPEG"
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    copy = picture.copy()
    copy.info = {}
    return copy
