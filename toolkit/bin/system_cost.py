"""Size, time and memory of a chain of systems, from audio to the output of the last one, as JSON.

Example: python -m toolkit.bin.system_cost --systems se/exp/se_x sv/exp/sv_y --seconds 4 --output cost.json
"""

import json
import sys

from torch import nn

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, add_trust, real_number, run
from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import noise, profile
from toolkit.systems.base import System

_FROM_AUDIO = {"sv", "se"}
# task -> tasks that take its output
_FOLLOWING: dict[str | None, set[str]] = {"se": {"se", "sv"}, "sv": {"ee"}, "ee": {"ee"}}


parser = Parser(description=__doc__)
parser.add_argument("--systems", nargs="+", required=True, help="experiments or packed zips, in their order")
parser.add_argument("--seconds", type=real_number(0.1, 3600), default=4.0, help="of audio")
parser.add_argument("--output", required=True, help="JSON file to write")
add_trust(parser)


def main(argv=None) -> None:
    """Measure and write."""
    args = parser.parse_args(argv)
    systems = [System.load(path, trust=args.trust) for path in args.systems]
    tasks, first = [system.task for system in systems], systems[0]
    if tasks[0] not in _FROM_AUDIO:
        raise InputError(f"{args.systems[0]}: task {tasks[0]} does not take only audio as input; begin with sv or se")
    for path, before, after in zip(args.systems[1:], tasks, tasks[1:], strict=False):
        if after not in _FOLLOWING.get(before, ()):
            raise InputError(f"{path}: task {after} does not accept the output of task {before}")
    chain = nn.Sequential(*(system.network for system in systems))
    measured = profile(chain, (noise(args.seconds, first.fs),), args.seconds)
    parts = [type(getattr(system.network, "model", system.network)).__name__ for system in systems]
    with replacing(args.output) as handle:
        json.dump({"parts": parts, "systems": args.systems, **measured}, handle, indent=1)


if __name__ == "__main__":
    sys.exit(run(main))
