"""`python -m advdistill` is the command `advdistill`."""

import sys

from advdistill.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
