"""A restaurant that sends heartbeats all the time, through nginx."""

import threading
import time
from collections import Counter

import requests

PAUSE_SECONDS = 0.1


class Traffic(threading.Thread):
    """Counts the statuses; `with` ends it. A new connection each time, as local backends have."""

    def __init__(self, url: str, certificate: str, site_id: str, key: str) -> None:
        super().__init__(daemon=True)
        self.url, self.certificate = url, certificate
        self.headers = {"X-Site-ID": site_id, "X-Site-Key": key}
        self.statuses: Counter[str] = Counter()
        self.slowest = 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        session = requests.Session()
        session.trust_env = False
        while not self.ended.wait(PAUSE_SECONDS):
            began = time.monotonic()
            try:
                answer = session.post(
                    f"{self.url}/api/heartbeat",
                    json={"version": "1.0.0", "uptime_seconds": 60},
                    headers=self.headers | {"Connection": "close"},
                    verify=self.certificate,
                    timeout=30,
                )
                self.statuses[str(answer.status_code)] += 1
            except requests.RequestException as error:
                self.statuses[type(error).__name__] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def __enter__(self) -> "Traffic":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()
