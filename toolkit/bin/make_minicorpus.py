"""Make the synthetic mini corpus: speech, noise, music and room impulse responses, offline and seeded."""

import argparse
import sys
from dataclasses import fields

from toolkit.io.command_line import Parser, run, seed, whole_number
from toolkit.simulate.minicorpus.corpus import Settings, make_minicorpus

HELP = {
    "seed": "of everything",
    "utterances": "of each speaker",
    "commands": "spoken commands of each speaker, beside the utterances",
    "noises": "recordings of each kind of noise",
    "pieces": "of music in each split",
    "rooms": "in each split, with three impulse responses each",
}
style = argparse.ArgumentDefaultsHelpFormatter
parser = Parser(description=__doc__, allow_abbrev=False, formatter_class=style)
parser.add_argument("--outdir", required=True, help="folder of the corpus, e.g. downloads/mini")
parser.add_argument(
    "--workers", type=whole_number(1, 1000), default=2, help="processes; their number does not change a sample"
)
for field in fields(Settings):  # options have its names and defaults
    text = HELP.get(field.name, f"speakers of split {field.name.split('_')[0]}")
    kind = seed if field.name == "seed" else whole_number(int(field.name != "commands"), 10**6)
    parser.add_argument(f"--{field.name}", type=kind, default=field.default, help=text)


def main(argv: list[str] | None = None) -> None:
    """Make the corpus; leave a complete one unchanged."""
    args = vars(parser.parse_args(argv))
    outdir, workers = args.pop("outdir"), args.pop("workers")
    make_minicorpus(outdir, Settings(**args), workers)


if __name__ == "__main__":
    sys.exit(run(main))
