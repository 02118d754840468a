"""EER of enhanced embeddings over many seeds of the noise that a diffusion model adds, and of means over its draws.

Example: python -m toolkit.bin.score_seeds --model exp/ee_x --in_root dump/embed/ge2e --data_root dump/raw \\
             --sets test test_babble_0 --output exp/ee_x/sampling/scores.json
"""

import json
import sys
from pathlib import Path

import torch

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, add_network_choice, run, whole_number
from toolkit.io.conditions import read_condition
from toolkit.io.errors import InputError
from toolkit.io.extractors import read_extractor
from toolkit.io.progress import progress
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.tasks.embedding.sampling_spread import spread_of_list
from toolkit.tasks.verification.trial_scoring import SCORINGS

parser = Parser(description=__doc__)
add_network_choice(parser)
parser.add_argument("--in_root", required=True, help="folder of the sets' embeddings before enhancement")
parser.add_argument("--data_root", required=True, help="folder of the sets with trials (and trials_<x>), e.g. dump/raw")
parser.add_argument("--sets", nargs="+", required=True)
parser.add_argument("--seeds", type=whole_number(2, 10**4), default=20, help="how many, from 0")
parser.add_argument("--draws", type=whole_number(0, 10**4), default=5, help="of means; 0: none")
parser.add_argument("--timesteps", nargs="*", type=whole_number(), default=[], help="start from these as well")
parser.add_argument("--scoring", choices=SCORINGS, default="cosine")
parser.add_argument("--output", required=True, help="JSON file to write")


def lists_of(data_dir: Path) -> list[Path]:
    """``trials`` and ``trials_<x>`` of a set; InputError if it has none."""
    lists = sorted(data_dir.glob("trials*"))
    if not lists:
        raise InputError(f"{data_dir}: holds no trials; run stage 2, or remove the set from --sets")
    return lists


def main(argv=None) -> None:
    """Score and write."""
    args = parser.parse_args(argv)
    if args.draws > args.seeds:
        raise InputError(f"--draws {args.draws}: must be --seeds {args.seeds} at most")
    torch.set_num_threads(1)
    enhancer = EmbeddingEnhancer.chosen(args)
    if not enhancer.network.draws_noise:
        print(f"{args.model}: draws no noise, so its scores have no spread")
        Path(args.output).unlink(missing_ok=True)
        return
    sets = {}
    with progress(len(args.sets), "seeds") as bar:
        for name in args.sets:
            scp = Path(args.in_root) / name / "embedding.scp"
            enhancer.check_extractor(read_extractor(scp.parent), str(scp))
            data_dir = Path(args.data_root) / name
            for path in lists_of(data_dir):
                rates = spread_of_list(enhancer, path, scp, args.seeds, args.draws, args.scoring, args.timesteps)
                sets[name + path.name.removeprefix("trials")] = {"condition": read_condition(data_dir), **rates}
            bar.update()
    options = {name: getattr(args, name) for name in ("seeds", "draws", "timesteps", "scoring")}
    with replacing(args.output) as handle:
        json.dump({**options, "sets": sets}, handle, indent=1)


if __name__ == "__main__":
    sys.exit(run(main))
