"""`python -m portcullis_agent.device` is the command `portcullis-device`."""

import sys

from portcullis_agent.device.cli import main

sys.exit(main())
