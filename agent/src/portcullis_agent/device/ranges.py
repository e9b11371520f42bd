"""A set of whole numbers, kept as ranges: few, where most numbers are neighbours."""

from __future__ import annotations

import bisect
import json
import zlib


class Ranges:
    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # the last number of each range

    @property
    def highest(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __contains__(self, number: int) -> bool:
        position = bisect.bisect_right(self._starts, number) - 1
        return position >= 0 and number <= self._ends[position]

    def add(self, number: int) -> None:
        if number in self:
            return
        position = bisect.bisect_right(self._starts, number)
        joins_before = position > 0 and self._ends[position - 1] == number - 1
        joins_after = position < len(self._starts) and self._starts[position] == number + 1
        if joins_before and joins_after:
            self._ends[position - 1] = self._ends.pop(position)
            del self._starts[position]
        elif joins_before:
            self._ends[position - 1] = number
        elif joins_after:
            self._starts[position] = number
        else:
            self._starts.insert(position, number)
            self._ends.insert(position, number)

    def add_up_to(self, number: int) -> None:
        """Add all numbers from 1 on."""
        position = bisect.bisect_right(self._starts, number + 1)
        last = max(number, self._ends[position - 1] if position else 0)
        if last > 0:
            self._starts[:position], self._ends[:position] = [1], [last]

    def encode(self) -> bytes:
        text = json.dumps([self._starts, self._ends]).encode("ascii")
        return b"%08x %s\n" % (zlib.crc32(text), text)

    @classmethod
    def decode(cls, data: bytes) -> Ranges:
        """ValueError if it is damaged."""
        checksum, _, text = data.rstrip(b"\n").partition(b" ")
        if int(checksum, 16) != zlib.crc32(text):
            raise ValueError("the checksum does not fit")
        ranges = cls()
        starts, ends = json.loads(text)
        ranges._starts, ranges._ends = [int(number) for number in starts], [int(number) for number in ends]
        return ranges
