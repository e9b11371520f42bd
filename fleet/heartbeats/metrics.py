from prometheus_client import Counter

DEVICE_HEARTBEATS = Counter(
    "portcullis_device_heartbeats", "Heartbeats of devices by what they were answered.", ["verdict"]
)
