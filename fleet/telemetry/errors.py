from common.errors import InvalidInput


class RangeInvalid(InvalidInput):
    title = "The range of time is invalid"


class TooManyPoints(InvalidInput):
    code = "too_many_points"
    title = "There are too many points"
