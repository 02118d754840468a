"""Command lines that the recipes call; each is thin: parse, call a room below, exit code."""

import os
import sys

# `python -m` puts the current folder before everything else, where a file notes.py or json.py would take the place of a
# module. It moves to the end: a recipe's own classes are found there, and shadow nothing. (argv[0] is -m until the
# program itself is found.)
if sys.argv[:1] == ["-m"] and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    sys.path.append(sys.path.pop(0))
    os.environ["PYTHONSAFEPATH"] = "1"  # for children, which are given their path
