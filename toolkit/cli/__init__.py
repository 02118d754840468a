"""The command ``voxsift VERB``. Each other module here is a verb (see toolkit.cli.main)."""

import toolkit.bin  # noqa: F401  moves the current folder, which `python -m` puts first, to the end of the path
