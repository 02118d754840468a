"""Outputs of a trained system for the recordings of data dirs: embeddings, enhanced or extracted audio, text.

Example: python -m toolkit.bin.infer se --help

The first word names the kind of task; by default the experiment of --model does. The options are those of the task's
program for stage 7.
"""

import sys

from toolkit.io.command_line import run
from toolkit.tasks import registry


def main(argv=None) -> None:
    """Call the task's program."""
    spec, words = registry.of_command_line(sys.argv[1:] if argv is None else argv, __doc__)
    spec.load("infer").main(words)


if __name__ == "__main__":
    sys.exit(run(main))
