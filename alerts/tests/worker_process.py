"""A process that delivers like `manage.py worker`, for tests that kill it: python -m alerts.tests.worker_process.

Each line of its input starts a worker, in a process of its own that takes no time to start; it answers with the number of that
process. The lease is short, so that another worker soon takes over.
"""

import os
import sys
import time
from datetime import timedelta

import django

LEASE = timedelta(seconds=0.5)


def main() -> None:
    django.setup()
    from alerts.outbox import deliverer  # models: after django.setup()

    deliverer.LOOK_EVERY_SECONDS = 0.05
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            deliverer.Deliverer(lease=LEASE).start()
            time.sleep(3_600)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
