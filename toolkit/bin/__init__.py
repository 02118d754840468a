"""Programs that the recipes call. Each one parses its options, calls another package and returns an exit code."""

import os
import sys
from types import TracebackType

# `python -m` puts the current folder first on the path, where a file json.py would shadow the module. Move it to the
# end: classes of a recipe are still found there, and shadow nothing. (argv[0] is -m until the program is found.)
if sys.argv[:1] == ["-m"] and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    sys.path.append(sys.path.pop(0))
    os.environ["PYTHONSAFEPATH"] = "1"  # for child processes, which set their path explicitly


def _report(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, value, trace)


if sys.argv[:1] == ["-m"]:  # Ctrl-C while a program is imported; later toolkit.io.command_line.run handles it
    sys.excepthook = _report
