"""Versions of firmware by Semantic Versioning 2.0.0."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from fleet.firmware.versions import parse_version, precedence_key

# From section 11 of the specification, and what its sentences say beside that.
IN_ORDER = [
    "0.0.0-0",
    "0.0.0",
    "0.0.1",
    "0.9.99",
    "0.10.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-10.0",
    "1.0.0-10.a",
    "1.0.0--",
    "1.0.0-0a",
    "1.0.0-A",
    "1.0.0-Z",
    "1.0.0-a",
    "1.0.0-a.b",
    "1.0.0-a-",
    "1.0.0-a0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "2.1.256",
    "2.1.65536",
    "10.0.0",
    "99999999999999999999999.999999999999999999.99999999999999999",
    "100000000000000000000000.0.0",
]
VALID = [
    "1.1.2-prerelease+meta",
    "1.1.2+meta-valid",
    "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
    "1.0.0-rc.1+build.123",
    "2.0.0+build.1848",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
    "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
    "1.0.0-0A.is.legal",
    "1.0.0+01",
]
INVALID = [
    *(
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-0123",
        "1.2.3-0123.0123",
        "1.1.2+.123",
        "+invalid",
    ),
    *("-invalid", "alpha", "alpha.beta.1", "1.0.0-alpha_beta", "1.0.0-alpha..", "1.0.0-alpha..1", "01.1.1", "1.01.1"),
    *(
        "1.1.01",
        "1.2-SNAPSHOT",
        "1.2.31.2.3----RC",
        "-1.0.3-gamma",
        "1.0.0+a+b",
        " 1.0.0",
        "1.0.0 ",
        "1.0.0\n",
        "1.0.٣",
    ),
]


def test_the_keys_of_the_specifications_examples_are_in_its_order() -> None:
    keys = [precedence_key(version) for version in IN_ORDER]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_build_metadata_does_not_count() -> None:
    assert precedence_key("1.0.0+a") == precedence_key("1.0.0+b.2") == precedence_key("1.0.0")
    assert precedence_key("1.0.0-rc.1+a") == precedence_key("1.0.0-rc.1")


@pytest.mark.parametrize("version", VALID)
def test_versions_that_the_specification_allows(version: str) -> None:
    assert str(parse_version(version)) == version


@pytest.mark.parametrize("version", INVALID)
def test_versions_that_it_does_not_allow(version: str) -> None:
    with pytest.raises(ValueError, match="valid SemVer"):
        precedence_key(version)


number = st.one_of(st.integers(0, 12), st.integers(0, 10**40)).map(str)
word = st.from_regex(r"[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True)
prerelease = st.lists(st.one_of(number, word, st.sampled_from(["a", "A", "-", "a-", "a0"])), max_size=4).map(".".join)
version = st.builds(
    lambda core, pre: ".".join(core) + (f"-{pre}" if pre else ""), st.lists(number, min_size=3, max_size=3), prerelease
)


@given(st.lists(version, min_size=2, max_size=5))
def test_keys_compare_as_the_library_compares(versions: list[str]) -> None:
    for one, other in itertools.combinations(versions, 2):
        expected = Version.parse(one).compare(other)
        keys = precedence_key(one), precedence_key(other)
        assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == expected, (one, other)
