"""A program that encodes a picture anew: `clean_picture.py FORMAT SOURCE TARGET PREVIEW`, with Pillow's name of the format.

It is a process of its own, with limits: a small file can be made to take minutes or gigabytes, and a process keeps the memory
that decoding once took. It does not load Django, so it starts in a tenth of a second.

Its exit status is 0, REFUSED with the reason on stdout, or NO_ROOM or UNWRITABLE, which say that the server's disk is at fault.
"""

import errno
import resource
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

# 5,000 by 5,000.
MAX_PIXELS = 25_000_000
# Pillow itself refuses twice as many when it opens a picture.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Such a picture takes 450 MB as WebP, and its bytes are held too.
MEMORY_BYTES = 1024**3
# Such a picture takes four seconds.
CPU_SECONDS = 8
REFUSED, NO_ROOM, UNWRITABLE = 10, 11, 12
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MODES = {"PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}, "JPEG": {"L", "RGB"}, "WEBP": {"RGB", "RGBA"}}
QUALITY: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": 88}, "WEBP": {"quality": 88}}
# How to turn a picture back. ImageOps.exif_transpose does so too, but fails where another tag is damaged.
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PREVIEW = 216  # three times the size in the panel, for dense displays
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def main(picture_format: str, source: str, target: str, preview: str) -> int:
    limit(resource.RLIMIT_AS, MEMORY_BYTES)
    limit(resource.RLIMIT_CPU, CPU_SECONDS)
    limit(resource.RLIMIT_CORE, 0)
    try:
        given = Path(source).read_bytes()
    except OSError as error:
        return disk_failed(error)
    try:
        picture = pixels_of(given, picture_format)
        encoded = bytes_of(picture, picture_format, **QUALITY[picture_format])
        small = bytes_of(preview_of(picture), "JPEG", quality=80)
    except TOO_LARGE:
        return refused(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.")
    except MemoryError:
        return refused("The picture takes too much memory.")
    except Exception as error:  # Pillow raises almost anything for a file that was made to harm
        sys.stderr.write(repr(error))
        return refused("The picture is damaged.")
    try:
        Path(target).write_bytes(encoded)
        Path(preview).write_bytes(small)
    except OSError as error:
        return disk_failed(error)
    return 0


def limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def refused(reason: str) -> int:
    sys.stdout.write(reason)
    return REFUSED


def disk_failed(error: OSError) -> int:
    sys.stderr.write(repr(error))
    return NO_ROOM if error.errno in FULL else UNWRITABLE


def pixels_of(given: bytes, picture_format: str) -> Image.Image:
    with Image.open(BytesIO(given), formats=[picture_format]) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise Image.DecompressionBombError
        opened.load()
        turn = TURNS.get(opened.getexif().get(ORIENTATION, 1))
        return without_metadata(opened if turn is None else opened.transpose(turn), picture_format)


def without_metadata(picture: Image.Image, picture_format: str) -> Image.Image:
    """A copy: Pillow writes some of what `info` holds, such as comments, into the new file."""
    if "transparency" in picture.info:
        picture = eight_bits(picture).convert("RGBA")
    if picture.mode not in MODES[picture_format]:
        has_alpha = "A" in picture.getbands() and picture_format != "JPEG"
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    copy = picture.copy()
    copy.info = {}
    return copy


def preview_of(picture: Image.Image) -> Image.Image:
    """Within PREVIEW by PREVIEW pixels, on white."""
    transparent = picture.has_transparency_data
    small = eight_bits(picture).convert("RGBA" if transparent else "RGB")
    small.thumbnail((PREVIEW, PREVIEW), reducing_gap=2.0)
    if not transparent:
        return small
    filled = Image.new("RGBA", small.size, "white")
    filled.alpha_composite(small)
    return filled.convert("RGB")


def eight_bits(picture: Image.Image) -> Image.Image:
    """Pillow cuts 16 bits off at 255 when it converts them."""
    if not picture.mode.startswith("I;16"):
        return picture
    scaled = picture.point(lambda value: value / 256).convert("L")
    if "transparency" in picture.info:
        scaled.info["transparency"] = picture.info["transparency"] // 256
    return scaled


def bytes_of(picture: Image.Image, picture_format: str, **options: Any) -> bytes:
    target = BytesIO()
    picture.save(target, format=picture_format, **options)
    return target.getvalue()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
