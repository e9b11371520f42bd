"""When a request counts as whole. gunicorn's own parser is the judge of where a request ends."""

from typing import Any

import pytest
from gunicorn import http
from gunicorn.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from config.server.incoming_request import BODY_LIMIT, HEAD_LIMIT, Arrival, IncomingRequest

HEAD = b"POST /api/heartbeat HTTP/1.1\r\nHost: a\r\n"
bodies = st.binary(max_size=300)
chunks = st.lists(st.binary(min_size=1, max_size=60), max_size=6)


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(parts: list[bytes], trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailer + b"\r\n"


requests = st.one_of(
    st.builds(with_length, bodies),
    st.builds(in_chunks, chunks, st.sampled_from([b"", b"X-Trailer: a\r\n", b"A: b\r\nC: d\r\n"])),
    st.just(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
)


def arrival_of(*pieces: bytes) -> Arrival:
    request = IncomingRequest()
    for piece in pieces:
        request.feed(piece)
    return request.arrival


class Source:
    """What gunicorn's parser reads from; it fails if the parser wants more than there is."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def recv(self, size: int) -> bytes:
        assert self.data, "the parser wants more than what counts as whole"
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def read_by_gunicorn(data: bytes) -> Any:
    request = next(http.get_parser(Config(), Source(data), ("127.0.0.1", 1)))
    return request.body.read()


@given(requests, st.lists(st.integers(0, 500), max_size=8))
@settings(deadline=None)
def test_a_request_is_whole_with_its_last_byte_however_it_is_split(request: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(request) - 1, *(cut % len(request) for cut in cuts)})
    pieces = [request[start:end] for start, end in zip(places, [*places[1:], len(request)], strict=True)]
    incoming = IncomingRequest()
    for piece in pieces[:-1]:
        assert incoming.feed(piece) in (Arrival.HEAD_MISSING, Arrival.BODY_MISSING)
    assert incoming.feed(pieces[-1]) is Arrival.WHOLE
    read_by_gunicorn(request)


@given(requests, st.binary(min_size=1, max_size=50))
@settings(deadline=None)
def test_bytes_of_the_next_request_do_not_matter(request: bytes, following: bytes) -> None:
    assert arrival_of(request + following) is Arrival.WHOLE


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: -5",
        b"Content-Length: +5",
        b"Content-Length: five",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Length: " + b"9" * 30,
    ],
)
def test_a_head_that_gunicorn_refuses_is_handed_on_without_a_body(headers: bytes) -> None:
    assert arrival_of(HEAD + headers + b"\r\n\r\n") is Arrival.WHOLE


def test_a_body_over_the_limit_is_left_to_a_thread() -> None:
    assert arrival_of(HEAD + b"Content-Length: %d\r\n\r\n" % BODY_LIMIT) is Arrival.BODY_MISSING
    assert arrival_of(HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1)) is Arrival.LARGE


def test_chunks_over_the_limit_are_handed_on_with_one_byte_too_many() -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    whole_limit = b"%x\r\n" % BODY_LIMIT + b"a" * BODY_LIMIT + b"\r\n"
    assert arrival_of(head + whole_limit) is Arrival.BODY_MISSING
    assert arrival_of(head + whole_limit + b"5\r\n") is Arrival.BODY_MISSING
    assert arrival_of(head + whole_limit, b"5\r\na") is Arrival.LARGE
    assert arrival_of(head + b"fffffff\r\n" + b"a" * (BODY_LIMIT + 1)) is Arrival.LARGE


@pytest.mark.parametrize("chunk", [b"x\r\n", b"3\r\nabcdef\r\n", b"\r\n", b"-1\r\n", b"1" * 300])
def test_what_is_no_chunk_is_handed_on_to_be_refused(chunk: bytes) -> None:
    assert arrival_of(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk) is Arrival.WHOLE


def test_a_head_without_an_end_is_too_long_at_its_limit() -> None:
    request = IncomingRequest()
    assert request.feed(b"GET / HTTP/1.1\r\nX: " + b"a" * (HEAD_LIMIT - 100)) is Arrival.HEAD_MISSING
    assert request.feed(b"a" * 100) is Arrival.HEAD_TOO_LONG


def test_many_small_pieces_cost_no_more_than_they_must() -> None:
    """Each piece is looked at once: chunks of a byte each, a byte at a time, take a fraction of a second."""
    request = IncomingRequest()
    for byte in HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5000 + b"0\r\n\r\n":
        request.feed(bytes([byte]))
    assert request.arrival is Arrival.WHOLE
    assert request.next_chunk > 5000 * 6, "the chunks were read from the start again"
