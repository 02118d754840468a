"""Render planned mixture sets: streams as 16-bit FLAC in arks, one scp a stream."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from toolkit.io.ark import ArkWriter
from toolkit.io.command_line import Parser, add_job_arguments, run
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, each_set, write_job_tables
from toolkit.io.samples import check_usable
from toolkit.simulate.enrolments import FACT, STREAM
from toolkit.simulate.plan import contents_of
from toolkit.simulate.render import render
from toolkit.simulate.sets import open_set

parser = Parser(description=__doc__)
add_job_arguments(parser)
parser.add_argument(
    "--streams",
    nargs="+",
    default=["wav"],
    help="wav (the mix), spk1, spk2, noise1, dereverb1, enroll_spk1; or all, but for dereverb1",
)


def render_set(name: str, keys: list[str], args: argparse.Namespace, bar) -> None:
    """Render ``keys`` of one set into this job's arks and tables."""
    path = Path(args.in_root) / name
    mixtures, audio, rooms = open_set(path, keys)
    roles, enrolled = contents_of(path / "mix.jsonl", FACT)  # of all jobs, whose tables must be the same
    silent = {role for role in roles if role.startswith("noise")} | {"noise1"}  # where a mixture has none of it
    lengths: dict[str, int] = {}
    seconds: dict[str, str] = {}
    every = ["wav", *sorted(roles), *([STREAM] if enrolled else [])]
    with ExitStack() as stack:
        arks = {
            stream: stack.enter_context(ArkWriter(ark_path(args.out_root, name, stream, args.job)))
            for stream in (every if args.streams == ["all"] else args.streams)
        }
        for key in keys:
            if key not in mixtures:
                raise InputError(f"{args.in_root}/{name}/mix.jsonl: has no mixture {key}; plan again (stage 3)")
            mixture = mixtures[key]
            made = render(mixture, audio, rooms)
            lengths[key], seconds[key] = mixture.length, f"{mixture.length / mixture.fs:.4f}"
            if STREAM in arks and FACT in mixture.facts:
                enrolment = mixture.facts[FACT]
                made[STREAM] = audio.read(enrolment)
                what = f"{key}: its enrolment {enrolment} ({audio.values[enrolment]})"
                check_usable(made[STREAM], mixture.fs, what, "drop the utterance, and plan again (stage 3)")
            for stream, ark in arks.items():
                if stream not in {*made, *silent}:
                    raise InputError(f"{key}: has no stream {stream}, only {', '.join(made)}; fix --streams")
                ark.write_audio(key, made.get(stream, np.zeros_like(made["wav"])), mixture.fs)
            bar.update()
    scps = {f"{stream}_scp": ark.scp for stream, ark in arks.items()}
    write_job_tables(args.out_root, name, args.job, **scps, utt2num_samples=lengths, utt2dur=seconds)


def main(argv=None) -> None:
    """Render the ids of a work list."""
    args = parser.parse_args(argv)
    for name, keys, bar in each_set(args.work, "render", "mix"):
        render_set(name, keys, args, bar)


if __name__ == "__main__":
    sys.exit(run(main))
