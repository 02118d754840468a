"""The command ``voxsift``, also as ``python -m voxsift``."""

import sys

from toolkit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
