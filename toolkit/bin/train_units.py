"""Train units of text by sentencepiece on the transcripts of data dirs, characters or BPE pieces.

Beside the file of units comes <name>.vocab, a unit a line.

Example: python -m toolkit.bin.train_units --kind bpe --size 500 --output data/units/bpe500.model data/train
"""

import logging
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
parser.add_argument("--check", nargs="+", default=[], help="data dirs; their characters without a unit are named")


def main(argv=None) -> None:
    """Write the units; print ``num_units``, their number, which the model of a training config must have."""
    args = parser.parse_args(argv)
    texts = [text for path in args.data_dirs for text in read_table(Path(path) / "text").values()]
    checked = {path: read_table(Path(path) / "text") for path in args.check}
    units = TextUnits(train_units(texts, args.kind, args.size))
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output, "wb") as handle:
        handle.write(units.model)
    with replacing(output.with_suffix(".vocab")) as handle:
        handle.writelines(f"{piece}\n" for piece in units.pieces())
    for path, table in checked.items():
        if lacking := units.lacking(table):
            logging.warning("%s/text: %s; they count as errors", path, lacking)
    print(f"num_units: {len(units)}")


if __name__ == "__main__":
    sys.exit(run(main))
