"""Where the first migration looks for the index."""

from common.indexes import ArrivalIndex

__all__ = ["ArrivalIndex"]
