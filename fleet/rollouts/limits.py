"""The limits of the values of a roll-out, used by serializers, services and tables."""

from datetime import time, timedelta

MAX_ROLLOUT_NAME_LENGTH = 100
MAX_REASON_LENGTH = 200
MAX_WAVES = 10
# Both lists fit into one body, see API_BODY_LIMIT_BYTES.
MAX_LISTED_LOCATIONS = 700
MAX_LISTED_DEVICES = 700
# What a device may need at most, `deadline_minutes` and `online_minutes` together, fits into the shortest window.
MIN_WINDOW = timedelta(hours=1)
MAX_DEADLINE_MINUTES = 45
MAX_ONLINE_MINUTES = 15
MAX_OBSERVATION_MINUTES = 10_080  # a week
MAX_PATIENCE_HOURS = 2_160  # ninety days
MAX_HEALTH_RISE = 100

DEFAULT_WINDOW_START, DEFAULT_WINDOW_END = time(3), time(6)
