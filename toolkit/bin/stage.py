"""The work of a stage, unless it is done: on sets, trial lists or audio by jobs (sets, trials, audio), or once.

Behind -- follows the program. What was finished from the same inputs by the same words is not done again.

Example: python -m toolkit.bin.stage sets --name format --cmd utils/run.pl --nj 4 --in_root data --out_root dump/raw \\
             --sets train dev -- python3 -m toolkit.bin.format_audio --fs 16000
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from toolkit.io.audio_scores import AudioScores
from toolkit.io.command_line import Parser, positive_int, run, whole_number
from toolkit.io.once import Once
from toolkit.io.stage import Step
from toolkit.io.trial_lists import TrialLists

ACTIONS = {"sets": Step, "trials": TrialLists, "audio": AudioScores, "once": Once}


def get_parser(action: str = "sets") -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.stage <action>``."""
    parser = Parser(description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=list(ACTIONS))
    parser.add_argument("--cmd", default="", help="run.pl or slurm.pl, with options")
    parser.add_argument("--deps", nargs="*", default=[], help="files on which the outputs depend")
    parser.add_argument("--dry_run", action="store_true", help="print what would be done")
    parser.add_argument("--sets", nargs="*", default=[], help="once: data dirs that are read; else names of sets")
    if action == "once":
        _add_once(parser)
        return parser
    parser.add_argument("--nj", type=positive_int, default=1, help="jobs at a time")
    parser.add_argument("--out_root", type=Path, required=True, help="folder of what is made")
    if action == "trials":
        parser.add_argument("--data_root", type=Path, required=True, help="folder of the sets with trials")
        parser.add_argument("--vectors", type=Path, required=True, help="folder of <set>/embedding.scp")
        parser.add_argument("--logs", type=Path, required=True, help="folder of the logs")
        return parser
    if action == "audio":
        _add_audio(parser)
        return parser
    parser.add_argument("--name", required=True, help="of the step, for logs and marks")
    parser.add_argument("--in_root", type=Path, required=True, help="folder of the input sets")
    parser.add_argument("--stems", nargs="+", default=["wav"], help="ark names of the outputs")
    parser.add_argument("--allow_bad", type=whole_number(), default=0, help="ids of a set that may be left out")
    parser.add_argument("--job_size", type=positive_int, default=2000, help="most ids of a job")
    return parser


def _add_audio(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data_root", type=Path, required=True, help="folder of the sets with the references")
    parser.add_argument("--audio", type=Path, required=True, help="folder of what is scored")
    parser.add_argument("--values", type=Path, required=True, help="folder of the metrics by utterance")
    parser.add_argument("--metrics", nargs="*", default=[], help="of score_audio; none: what its options ask for")
    parser.add_argument("--mixtures", type=Path, help="folder of the metrics of the mixtures themselves")
    parser.add_argument("--breakdown", nargs="*", default=[], help="groups; auto: gender_pair where genders are known")
    parser.add_argument("--no_interferers", action="store_true", help="compare with no other talkers of a mixture")
    parser.add_argument("--resamples", type=whole_number(), default=1000, help="bootstrap resamples")


def _add_once(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mark", type=Path, required=True, help="file that keeps what was done")
    parser.add_argument("--what", default="", help="name for messages")
    parser.add_argument("--outputs", nargs="*", default=[], help="files and folders that must be as they were left")
    parser.add_argument("--code", nargs="*", default=[], help="packages of the toolkit on whose source they depend")
    parser.add_argument("--log", type=Path, help="of a job, by --cmd; without, the program runs here")
    parser.add_argument("--keep_log", action="store_true", help="keep the log of an earlier run as <name>.<n>.log")
    parser.add_argument("--job_options", nargs="*", default=[], help="of the engine, name and value: name exp/x")


def main(argv=None) -> None:
    """Do the work."""
    words = list(sys.argv[1:] if argv is None else argv)
    program = words[words.index("--") + 1 :] if "--" in words else []
    action = words[0] if words and words[0] in ACTIONS else "sets"
    parser = get_parser(action)
    args = parser.parse_args(words[: words.index("--")] if "--" in words else words)
    if not program:
        parser.error("-- and a program must follow the options")
    if action == "once":
        args.job_options = [*zip(args.job_options[::2], args.job_options[1::2], strict=True)]
    names = {field.name for field in dataclasses.fields(ACTIONS[action])} - {"program"}
    ACTIONS[action](**{name: getattr(args, name) for name in names}, program=program).run()


if __name__ == "__main__":
    sys.exit(run(main))
