"""The examples of semver.org, and their order."""

from __future__ import annotations

import itertools

import pytest

from portcullis_agent.device.firmware.versions import Version

# Each is before the next; those in one line have the same precedence.
ORDER = [
    ["0.0.0-0"],
    ["0.0.0"],
    ["0.0.4"],
    ["0.9.99"],
    ["1.0.0--"],
    ["1.0.0-0A.is.legal", "1.0.0-0A.is.legal+build"],
    ["1.0.0-alpha", "1.0.0-alpha+001", "1.0.0-alpha+zzz"],
    ["1.0.0-alpha.1"],
    ["1.0.0-alpha.1.0"],
    ["1.0.0-alpha.2"],
    ["1.0.0-alpha.10"],
    ["1.0.0-alpha.beta"],
    ["1.0.0-beta"],
    ["1.0.0-beta.2"],
    ["1.0.0-beta.11"],
    ["1.0.0-rc.1"],
    ["1.0.0", "1.0.0+20130313144700", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.0.0+-", "1.0.0+001"],
    ["1.0.1-1"],
    ["1.0.1-9"],
    ["1.0.1-10"],
    ["1.0.1-99999999999999999999999"],
    ["1.0.1-A"],
    ["1.0.1-a"],
    ["1.2.3----R-S.12.9.1--.12"],
    ["1.2.3----RC-SNAPSHOT.12.9.1--.12", "1.2.3----RC-SNAPSHOT.12.9.1--.12+788"],
    ["1.9.0"],
    ["1.10.0"],
    ["1.11.0"],
    ["2.0.0"],
    ["10.0.0"],
    ["99999999999999999999999.999999999999999999.99999999999999999"],
]
INVALID = """
1 1.2 1.2.3-0123 1.2.3-0123.0123 1.1.2+.123 +invalid -invalid -invalid+invalid -invalid.01 alpha alpha.beta alpha.beta.1
alpha.1 alpha+beta alpha_beta alpha. alpha.. beta 1.0.0-alpha_beta -alpha. 1.0.0-alpha.. 1.0.0-alpha..1 1.0.0-alpha...1
01.1.1 1.01.1 1.1.01 1.2.3.DEV 1.2-SNAPSHOT 1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788 1.2-RC-SNAPSHOT -1.0.3-gamma+b7718
+justmeta 9.8.7+meta+meta 9.8.7-whatever+meta+meta v1.2.3 1.2.3+ 1.2.3- 1.2.3-+ 1.2.٣ 1.2.3-ä 99999999999.9.9.9
"""


def test_the_order_is_that_of_semver() -> None:
    places = [(place, Version(text)) for place, texts in enumerate(ORDER) for text in texts]
    for (place, version), (other_place, other) in itertools.product(places, repeat=2):
        assert (version < other) == (place < other_place), (str(version), str(other))
        assert (version == other) == (place == other_place), (str(version), str(other))
        assert (version >= other) == (place >= other_place), (str(version), str(other))


@pytest.mark.parametrize("text", [*INVALID.split(), "", " 1.0.0", "1.0.0\n", "1.0.0 ", "1.0.0-" + "a" * 256])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version(text)


def test_versions_that_only_differ_in_build_metadata_are_one_key() -> None:
    assert len({Version("1.0.0+a"), Version("1.0.0+b"), Version("1.0.0-a")}) == 2
