"""Train units of text by sentencepiece on the transcripts of data dirs, characters or BPE pieces.

Example: python -m toolkit.bin.train_units --kind bpe --size 500 --output data/units/bpe500.model data/train
"""

import sys
from pathlib import Path

from toolkit.data.text_units import TextUnits, train_units
from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, positive_int, run
from toolkit.io.datadir import read_table

parser = Parser(description=__doc__)
parser.add_argument("data_dirs", nargs="+", help="each with a table `text`")
parser.add_argument("--kind", choices=("char", "bpe"), default="char")
parser.add_argument("--size", type=positive_int, help="number of BPE units, with the three special ones")
parser.add_argument("--output", required=True, help="file to write")


def main(argv=None) -> None:
    """Write the units; print ``num_units``, their number, which the model of a training config must have."""
    args = parser.parse_args(argv)
    texts = [text for path in args.data_dirs for text in read_table(Path(path) / "text").values()]
    model = train_units(texts, args.kind, args.size)
    with replacing(args.output, "wb") as handle:
        handle.write(model)
    print(f"num_units: {len(TextUnits(model))}")


if __name__ == "__main__":
    sys.exit(run(main))
