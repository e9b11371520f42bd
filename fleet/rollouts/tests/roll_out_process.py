"""A process that advances roll-outs again and again, for a test that kills it: python -m fleet.rollouts.tests.roll_out_process.

Each line of its input is a time in seconds since 1970; for each it runs the job in a process of its own, which
writes its number and "begins", and "done" after it has run the job once. Then it runs it again until it is killed.
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
            tell("begins")
            advance_rollouts(at=at)
            tell("done")
            while True:
                advance_rollouts(at=at)


def tell(word: str) -> None:
    sys.stdout.write(f"{os.getpid()} {word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
