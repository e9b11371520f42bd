"""The product's settings, with the jobs of the tests and leases that end while a test waits."""

import os
from datetime import timedelta

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

# After `config`, whose jobs it replaces.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.worker.jobs.TestJobsConfig"]
JOB_LEASE = timedelta(seconds=float(os.environ.get("LEASE_UNDER_TEST", "6")))
