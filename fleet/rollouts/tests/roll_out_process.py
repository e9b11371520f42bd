"""A process that advances roll-outs again and again, for a test that kills it: python -m fleet.rollouts.tests.roll_out_process.

Each line of its input is a time in seconds since 1970; for each it runs the job in a process of its own, which
answers with its number when it is about to begin.
"""

import os
import sys
from datetime import UTC, datetime

import django


def main() -> None:
    django.setup()
    from django.db import connection

    from fleet.rollouts.engine import advance_rollouts  # models: after django.setup()

    for line in sys.stdin:
        at = datetime.fromtimestamp(float(line), UTC)
        if not os.fork():
            connection.ensure_connection()
            sys.stdout.write(f"{os.getpid()}\n")
            sys.stdout.flush()
            while True:
                advance_rollouts(at=at)


if __name__ == "__main__":
    main()
