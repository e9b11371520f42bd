"""`python -m portcullis_agent` is the command `portcullis-agent`."""

import sys

from portcullis_agent.cli import main

sys.exit(main())
