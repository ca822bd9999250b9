"""`python -m codeit` is the command line."""

import sys

from codeit.cli import main

sys.exit(main())
