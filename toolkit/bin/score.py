"""Scores of the outputs of stage 7: error rates of trials and of text, metrics of audio.

Example: python -m toolkit.bin.score se --help

The first word names the kind of task. The options are those of the task's program for
stage 8.
"""

import sys

from toolkit.io.command_line import run
from toolkit.tasks import registry


def main(argv=None) -> None:
    """Call the task's program."""
    spec, words = registry.of_command_line(sys.argv[1:] if argv is None else argv, __doc__)
    spec.load("score").main(words)


if __name__ == "__main__":
    sys.exit(run(main))
