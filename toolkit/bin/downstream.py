"""Systems that score what a front end makes of speech (--downstream of se.sh and tse.sh): their kinds, and texts.

A system is the folder of an experiment or a packed.zip of task asr, sv or ic, or a recogniser that others trained:
whisper:<model or file>, pocketsphinx.

Kinds, on a line `downstream: <kind>=<name> ...`; the systems are loaded, and must be for --fs:
    python -m toolkit.bin.downstream --systems ../asr/exp/asr_x whisper:medium --fs 16000
Facts of one, for reports:
    python -m toolkit.bin.downstream --systems ../asr/exp/asr_x --facts exp/downstream/asr_x/system.json
Transcripts by a recogniser that others trained, as a job of a recipe:
    python -m toolkit.bin.downstream --model pocketsphinx --in_root ... --out_root ... --work ... --job 1
"""

import json
import sys
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, add_device, add_job_arguments, add_trust, rate, run
from toolkit.io.errors import InputError

parser = Parser(description=__doc__)
parser.add_argument("--systems", nargs="+", help="systems to check")
parser.add_argument("--fs", type=rate, help="rate in Hz that they must have")
parser.add_argument("--facts", type=Path, help="write kind, name and self-supervised model of the one system")
parser.add_argument("--model", help="whisper:<model or file>, or pocketsphinx")
add_device(parser)
add_trust(parser)
add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def main(argv=None) -> None:
    """Check systems, write the facts of one, or transcribe."""
    args = parser.parse_args(argv)
    if args.systems and args.facts:
        from toolkit.systems.downstream_systems import facts_of

        with replacing(args.facts) as handle:
            json.dump(facts_of(args.systems[0]), handle)
    elif args.systems:
        from toolkit.systems.downstream_systems import check_systems

        kinds = check_systems(args.systems, args.fs, args.trust)
        print("downstream:", *(f"{kind}={name}" for name, kind in kinds.items()))
    elif args.model and args.work:
        _transcribe(args)
    else:
        raise InputError("give --systems, or --model with --in_root, --out_root, --work and --job")


def _transcribe(args) -> None:
    from toolkit.data.text_units import EMPTY
    from toolkit.systems.off_the_shelf import OffTheShelf
    from toolkit.tasks.label_sets import recognise_sets

    recogniser = OffTheShelf(args.model, args.device)

    def texts(audio, keys, bar):
        return {key: text or EMPTY for key, text in recogniser.transcribe_table(audio, keys, bar).items()}

    recognise_sets(args, recogniser.fs, "text", texts)


if __name__ == "__main__":
    sys.exit(run(main))
