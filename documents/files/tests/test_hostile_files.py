"""Files that want to run, to be something else, to take all memory, or to tell something."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from rest_framework.test import APIClient

from documents.files.clean_picture import MAX_PIXELS
from documents.files.tests.conftest import PDF, TEXT, Upload, chunk, loaded, picture, saved, stored_names
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
SCRIPT = b"<script>alert(1)</script>"
SECRET = b"N 41.8902, E 12.4922"


@pytest.mark.parametrize(
    "content",
    [
        SVG,
        b"\xef\xbb\xbf" + SVG,
        b"<?xml version='1.0'?>" + SVG,
        b"<!DOCTYPE html><p>x",
        b"<!-- x --><html>",
        b"call before ten\n" + SCRIPT,
        b"a" * (64 * 1024 - 4) + b"<script src=x>",
        b"< ScRiPt >",
        "<html>".encode("utf-16"),
        b"<?php system($_GET['c']); ?>",
        b"#!/bin/sh\nrm -rf /",
        b"\xef\xbb\xbf#!/bin/sh\n",
        b"<a href=javascript:alert(1)>x",
        b"<a\nhref = 'javascript:alert(1)'>x",
        b"<video/onerror=alert(1)>",
        b"<math>",
        b"<foreignObject onload=alert(1)>",
        b"<x:div data-a='1' y>",
        b"<input autofocus onfocus=alert(1)>",
        b"<b>x</b>",
        b"<x></x\n>",
        b"<!-- x -->",
        b"<![CDATA[x]]>",
        b"a" * (64 * 1024 - 30) + b"<video " + b" " * 7 + b"o" * 40 + b"  =x>",
        b"PK\x03\x04" + bytes(100),
        b"\x7fELF" + bytes(100),
        b"MZ" + bytes(100),
        b"GIF89a" + bytes(100),
        b"BM" + bytes(100),
        b"II*\x00" + bytes(100),
        b"\xff\xfe",
        b"\xc3",
        b"a\x00b",
        b"a\x1b[2J",
        b"%PDF-1.7 without an end",
        b"%PDF-9.9\n%%EOF",
        b"%PDF",
        b"x" + PDF.replace(b"\n", b"\x01"),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_none_of_the_five_types_is_refused(upload: Upload, content: bytes) -> None:
    for name in ("contract.pdf", "note.txt"):
        answer = upload(content, name)
        assert answer.status_code == 400, answer.content
        assert answer.json()["code"] in ("unsupported_file_type", "invalid")
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    "content",
    [
        "price < 5 euro, weight > 3 kg",
        "We <3 Roma",
        "Giulia <giulia@angle.example>, <https://trattoria.example/?a=b>",
        "a<b and c>d, x <= y, x<y=z, if a <b = c",
        "Fill in <name> and <date of birth>; a <- b; <= 5; <<EOF",
        "# Notes\n#! is no first line here\nfirst, second\n",
        "List<String> names = all; <",
        "<a " * 1_000,
    ],
)
def test_ordinary_text_with_angle_brackets_is_accepted(upload: Upload, content: str) -> None:
    answer = upload(content.encode())
    assert (answer.status_code, answer.json().get("content_type")) == (201, "text/plain"), answer.content


def test_the_name_and_the_media_type_do_not_count(upload: Upload) -> None:
    file = upload(picture("PNG"), "page.html").json()
    assert (file["content_type"], file["name"]) == ("image/png", "page.html.png")


@pytest.mark.parametrize("name", ["front.png", "front.svg", "front.html"])
def test_a_picture_that_is_a_page_too_is_only_a_picture(upload: Upload, name: str) -> None:
    for content in (picture("PNG") + SCRIPT, picture("JPEG", comment=SCRIPT), picture("JPEG") + SVG + PDF):
        sent = APIClient().get(upload(content, name).json()["url"])
        assert sent["Content-Type"] in ("image/png", "image/jpeg")
        body = loaded(sent)
        assert b"script" not in body
        assert b"svg" not in body
        assert b"PDF" not in body


@pytest.mark.parametrize("content", [PDF + SCRIPT, TEXT, picture("PNG")])
def test_nothing_runs_in_our_origin(upload: Upload, content: bytes) -> None:
    sent = APIClient().get(upload(content).json()["url"])
    loaded(sent)
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert sent["Cache-Control"] == "private, no-store"
    kind = "inline" if sent["Content-Type"] == "image/png" else "attachment"
    assert sent["Content-Disposition"].startswith(kind)


def exif(**_: Any) -> bytes:
    """The camera was held upright; a place, a camera and a comment."""
    data = Image.Exif()
    data[0x0112] = 6
    data[0x010F] = SECRET.decode()
    data.get_ifd(0x8825)[2] = (41.0, 53.0, 24.7)
    return data.tobytes()


def test_metadata_is_dropped_and_the_orientation_applied(upload: Upload) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("Place", SECRET.decode(), zip=True)
    icc = SECRET * 40
    pictures = [
        picture("JPEG", exif=exif(), comment=SECRET, icc_profile=icc),
        picture("PNG", exif=exif(), pnginfo=text, icc_profile=icc),
        picture("WEBP", exif=exif(), icc_profile=icc, xmp=SECRET),
    ]
    for content in pictures:
        body = loaded(APIClient().get(upload(content).json()["url"]))
        assert SECRET not in body
        with Image.open(io.BytesIO(body)) as shown:
            shown.load()
            assert shown.size == (20, 40), "turned"
            assert not set(shown.info) & {"exif", "icc_profile", "comment", "xmp", "Comment", "Place"}
            assert len(shown.getexif()) == 0
            top, bottom = shown.convert("RGB").getpixel((10, 5)), shown.convert("RGB").getpixel((10, 35))
        assert top[0] > 200
        assert bottom[2] > 200


def test_of_an_animation_the_first_picture_stays(upload: Upload) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for kind in ("PNG", "WEBP"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        body = loaded(APIClient().get(upload(content).json()["url"]))
        with Image.open(io.BytesIO(body)) as shown:
            assert getattr(shown, "n_frames", 1) == 1
            assert shown.convert("RGB").getpixel((10, 10))[0] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_mode_are_kept(upload: Upload, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    answer = upload(saved(Image.new(mode, (20, 20)), kind))
    assert answer.status_code == 201, answer.content


def test_transparency_stays(upload: Upload) -> None:
    paletted = Image.new("P", (20, 20), 0)
    body = loaded(APIClient().get(upload(saved(paletted, "PNG", transparency=0)).json()["url"]))
    with Image.open(io.BytesIO(body)) as shown:
        assert shown.convert("RGBA").getpixel((5, 5))[3] == 0


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG with another chunk after its header."""
    whole = picture("PNG")
    return whole[:33] + chunk(kind, data) + whole[33:]


BOMB = zlib.compress(bytes(200_000_000), 9)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"zTXt", b"Comment\0\0" + BOMB),
        (b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
        (b"iCCP", b"profile\0\0" + BOMB),
    ],
)
def test_a_zip_bomb_in_the_metadata_is_refused(upload: Upload, kind: bytes, data: bytes) -> None:
    assert len(data) < 300_000
    assert_problem(upload(with_chunk(kind, data)), 400, "invalid", "/file")
    assert stored_names() == []


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(upload: Upload) -> None:
    side = 100_000
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", BOMB) + chunk(b"IEND", b"")
    assert_problem(upload(huge), 400, "invalid", "/file")
    wide = saved(Image.new("1", (MAX_PIXELS // 1_000 + 1, 1_000)), "PNG")
    answer = upload(wide)
    assert_problem(answer, 400, "invalid", "/file")
    assert "million pixels" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_picture_is_refused(upload: Upload, kind: str) -> None:
    whole = picture(kind, (400, 300))
    for broken in (whole[: len(whole) // 2], whole[:40]):
        assert upload(broken).status_code == 400
    assert stored_names() == []
