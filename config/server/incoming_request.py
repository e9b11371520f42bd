"""Tell, while the bytes of an HTTP/1.1 request arrive, whether they are all there.

This is no parser: gunicorn's parser reads the request afterwards and alone decides what it says. A request that is malformed
counts as whole, so that gunicorn refuses it.
"""

from enum import Enum, auto

HEAD_LIMIT = 64 * 1024
# A longer body is read by the thread that handles the request.
BODY_LIMIT = 64 * 1024
LONGEST_CHUNK_LINE = 256


class Arrival(Enum):
    HEAD_MISSING = auto()
    HEAD_TOO_LONG = auto()
    BODY_MISSING = auto()
    WHOLE = auto()
    LARGE = auto()  # the head is there, and announces a body over BODY_LIMIT, or brought so much of one in chunks


class IncomingRequest:
    """The bytes of a request so far; more may follow them, of the next request.

    `length` is that of the body, None until the head is there; for a body in chunks it is BODY_LIMIT.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.arrival = Arrival.HEAD_MISSING
        self.length: int | None = None
        self.expects_continue = False
        self.is_chunked = False
        self.searched = 0  # no end of the head begins before it
        self.body_start = 0
        self.next_chunk = 0
        self.chunk_bytes = 0

    @property
    def is_large(self) -> bool:
        return self.arrival is Arrival.LARGE

    def feed(self, data: bytes) -> Arrival:
        self.data += data
        if self.arrival is Arrival.HEAD_MISSING:
            self.look_for_head()
        if self.arrival is Arrival.BODY_MISSING:
            self.look_for_body()
        return self.arrival

    def look_for_head(self) -> None:
        end = self.data.find(b"\r\n\r\n", self.searched)
        if end < 0:
            self.searched = max(0, len(self.data) - 3)
            if len(self.data) > HEAD_LIMIT:
                self.arrival = Arrival.HEAD_TOO_LONG
            return
        self.body_start = self.next_chunk = end + 4
        self.read_framing(bytes(self.data[:end]))

    def read_framing(self, head: bytes) -> None:
        lengths, codings = [], []
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            match name.lower():
                case b"content-length":
                    lengths.append(value.strip())
                case b"transfer-encoding":
                    codings.append(value.strip().lower())
                case b"expect":
                    self.expects_continue = value.strip().lower() == b"100-continue"
        self.arrival, self.length = Arrival.BODY_MISSING, 0
        if codings == [b"chunked"] and not lengths:
            self.is_chunked, self.length = True, BODY_LIMIT
        elif len(lengths) == 1 and lengths[0].isdigit() and len(lengths[0]) < 20 and not codings:
            self.length = int(lengths[0])
        # Any other combination has no body, or gunicorn refuses it.

    def look_for_body(self) -> None:
        length = self.length or 0
        if self.is_chunked:
            if self.has_all_chunks():
                self.arrival = Arrival.LARGE if self.chunk_bytes > BODY_LIMIT else Arrival.WHOLE
        elif length > BODY_LIMIT:
            self.arrival = Arrival.LARGE
        elif len(self.data) >= self.body_start + length:
            self.arrival = Arrival.WHOLE

    def has_all_chunks(self) -> bool:
        """Whether the last chunk is there, or more than BODY_LIMIT, or something that is no chunk."""
        while True:
            end = self.data.find(b"\r\n", self.next_chunk, self.next_chunk + LONGEST_CHUNK_LINE)
            if end < 0:
                return len(self.data) - self.next_chunk > LONGEST_CHUNK_LINE
            size = chunk_size(bytes(self.data[self.next_chunk : end]))
            if size is None:
                return True
            if size == 0:
                return self.has_trailers(end)
            arrived = len(self.data) - (end + 2)
            if self.chunk_bytes + min(size, arrived) > BODY_LIMIT:
                self.chunk_bytes += min(size, arrived)
                return True
            if arrived < size + 2:
                return False
            if not self.data.startswith(b"\r\n", end + 2 + size):
                return True
            self.chunk_bytes += size
            self.next_chunk = end + 2 + size + 2

    def has_trailers(self, end: int) -> bool:
        """An empty line ends the trailers; there is usually none."""
        if self.data.startswith(b"\r\n", end + 2):
            return True
        return self.data.find(b"\r\n\r\n", end) >= 0 or len(self.data) - end > HEAD_LIMIT


def chunk_size(line: bytes) -> int | None:
    """None if the line is not one that begins a chunk."""
    digits = line.partition(b";")[0].strip()
    try:
        return int(digits, 16) if digits.isalnum() else None
    except ValueError:
        return None
