"""``python -m rtbeat`` is the command ``rtbeat``."""

import sys

from rtbeat.cli import main

sys.exit(main())
