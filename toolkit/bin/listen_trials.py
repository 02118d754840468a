"""Examples of mixtures and a model's estimates: audio, spectrograms and listening.json for report.html.

For a model that estimates the speech in a mixture (ParaNoise-SV), the page shows the estimated log-mels and plays them
as a mask on the mixture's spectrum. For other models the program logs a message and writes nothing.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import torch

from toolkit.io.command_line import Parser, add_network_choice, positive_int, real_number, run, seed
from toolkit.io.errors import InputError
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.estimate_listening import Listener, write_examples

parser = Parser(description=__doc__)
add_network_choice(parser)
parser.add_argument("--sets", type=Path, nargs="+", required=True, help="formatted data dirs of mixtures")
parser.add_argument(
    "--clean",
    type=Path,
    nargs="*",
    default=[],
    help="data dirs of the same utterances without noise; sets are named <clean>_<noise>_<snr>, or one serves all. "
    "A set with spk1.scp needs none",
)
parser.add_argument("--per_set", type=positive_int, default=1, help="examples of each set, the same utterances in all")
parser.add_argument("--ids", nargs="+", help="utterances, instead of drawn ones")
parser.add_argument("--seed", type=seed, default=0, help="of the random choice")
parser.add_argument(
    "--max_seconds",
    type=real_number(0.1, 1e9, inside=True),
    default=10.0,
    help="cut longer utterances to this length",
)
parser.add_argument("--output", type=Path, required=True, help="folder to write")


def main(argv=None) -> None:
    """Write the examples."""
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    embedder = Verifier.chosen(args).network
    frontend: Any = embedder.frontend
    try:
        listener = Listener(embedder)
    except InputError as reason:
        logging.info("%s: no listening page", reason)
        return
    write_examples(args, listener, frontend)


if __name__ == "__main__":
    sys.exit(run(main))
