"""`python -m cood` is `cood`."""

import sys

from cood.cli import main

sys.exit(main())
