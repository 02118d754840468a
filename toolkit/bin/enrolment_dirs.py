"""Print the data dirs from which a mixture set draws enrolments, by its mix_conf.yaml; nothing if it names none."""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.simulate.mix_conf import enrolment_dirs

parser = Parser(description=__doc__)
parser.add_argument("data_dir", type=Path)


def main(argv=None) -> None:
    """Print them, one a line."""
    for folder in enrolment_dirs(parser.parse_args(argv).data_dir):
        print(folder)


if __name__ == "__main__":
    sys.exit(run(main))
