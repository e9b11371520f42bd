"""Versions by Semantic Versioning 2.0.0, and a key by which a database sorts them in the order of their precedence."""

import semver

# Behind the identifiers of a pre-release, so that a longer list comes after a shorter one that begins with the same.
END = b"\x00"
NUMBER, WORD, NO_PRERELEASE = b"\x01", b"\x02", b"\x03"


def parse_version(text: str) -> semver.Version:
    """Raises ValueError if it is not exactly `MAJOR.MINOR.PATCH`, with a pre-release and build metadata if wanted."""
    return semver.Version.parse(text)


def precedence_key(text: str) -> bytes:
    """Bytes that compare as the versions do by precedence (SemVer 2.0.0, section 11). Raises ValueError.

    Versions that differ in build metadata only have the same key.
    """
    version = parse_version(text)
    core = b"".join(number_key(number) for number in (version.major, version.minor, version.patch))
    if version.prerelease is None:
        return core + NO_PRERELEASE
    return core + b"".join(map(identifier_key, version.prerelease.split("."))) + END


def identifier_key(identifier: str) -> bytes:
    """Numbers come before words; words compare in the order of ASCII, in which all of their characters come after END."""
    if identifier.isdecimal():
        return NUMBER + number_key(int(identifier))
    return WORD + identifier.encode("ascii") + END


def number_key(number: int) -> bytes:
    """The number of its bytes before the number: a longer one is greater, as there are no leading zeros."""
    length = (number.bit_length() + 7) // 8
    return length.to_bytes(2, "big") + number.to_bytes(length, "big")
