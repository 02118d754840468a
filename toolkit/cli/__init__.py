"""The command ``voxsift VERB``: what a person types. Each other module here is a verb (see toolkit.cli.main)."""

import toolkit.bin  # noqa: F401  where `python -m` puts the current folder first, it moves to the end
