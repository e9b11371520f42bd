"""Files of restaurants for the demo: a contract, a picture and a note, made here, so that none is in the repository."""

import struct
import zlib

BOUNDARY = "portcullis-demo-5d1f0a7c"
WIDTH, HEIGHT = 640, 480
SKY, WALL, DOOR, STREET = (168, 205, 230), (203, 120, 82), (74, 51, 40), (120, 120, 124)


def files_of(restaurant: str, owner: str) -> list[tuple[str, str, bytes]]:
    """Triples of kind, name and content."""
    return [
        ("contract", f"Contract {restaurant}.pdf", contract([f"Contract with {restaurant}", f"Signed by {owner}"])),
        ("photo", "front.png", front()),
        ("other", "note.txt", f"{owner} is there from ten to two.\n".encode()),
    ]


def form(kind: str, name: str, content: bytes) -> tuple[bytes, str]:
    """The body of an upload, and its media type."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def front() -> bytes:
    """A house with an awning and a door, as a PNG."""
    rows = b"".join(b"\0" + b"".join(bytes(colour(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def colour(x: int, y: int) -> tuple[int, int, int]:
    if y > 420:
        return STREET
    if not (80 < x < 560 and y > 100):
        return SKY
    if 200 < y < 250:
        return (200, 40, 40) if x // 40 % 2 else (245, 240, 230)
    if 280 < x < 370 and y > 270:
        return DOOR
    return (250, 225, 150) if y > 280 and y < 370 and (120 < x < 250 or 400 < x < 530) else WALL


def contract(lines: list[str]) -> bytes:
    """A page with these lines, as a PDF. Letters that Latin-1 does not have become question marks."""
    escaped = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines]
    text = "".join(f"({line}) Tj 0 -28 Td " for line in escaped).encode("latin-1", "replace")
    drawn = b"BT /F1 18 Tf 72 760 Td " + text + b"ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    written, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + end
