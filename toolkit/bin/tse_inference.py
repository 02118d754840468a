"""Extract one speaker by a trained system: of one file, or of formatted data dirs.

One file, any rate and length in, the same out:
    python -m toolkit.bin.tse_inference --enroll a.wav --mixture b.wav --output c.wav --model packed.zip

Data dirs with enroll_spk1.scp, as a job of a recipe: --in_root, --out_root, --work, --job; out come data dirs of the
extracted speech. --absent enrols another speaker than those in the mixture: what should come out is silence.
"""

import argparse
import sys
from pathlib import Path

from toolkit.bin.cli import Parser, add_job_arguments, add_network_choice, run
from toolkit.io.errors import InputError


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.tse_inference``."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_network_choice(parser, "valid.loss.ave.pth")
    one = parser.add_argument_group("one file")
    one.add_argument("--enroll", help="recording of the wanted speaker alone")
    one.add_argument("--mixture", help="recording with the wanted speaker among others")
    one.add_argument("--output", help="file to write: .wav, .flac, ...")
    one.add_argument("--channel", help="which of several channels, from 0, or mean")
    many = parser.add_argument_group("data dirs")
    add_job_arguments(many, required=False)
    many.add_argument(
        "--enroll_seconds", type=float, help="use the first so many seconds of an enrolment; default: all"
    )
    many.add_argument("--absent", action="store_true", help="enrol a speaker who is not in the mixture")
    return parser


def one_file(args: argparse.Namespace) -> None:
    """Extract from one mixture."""
    if missing := [name for name in ("enroll", "mixture", "output") if getattr(args, name) is None]:
        raise InputError(f"--{missing[0]} is missing: --enroll, --mixture and --output go together")
    from toolkit.tasks.inference import convert_file, extract, read_signal
    from toolkit.tasks.packing import load_extractor

    channel = int(args.channel) if (args.channel or "").isdigit() else args.channel
    model = load_extractor(args.model, args.weights).to(args.device)
    enrolment, _, _ = read_signal(args.enroll, model.fs, channel, "enrolment")
    convert_file(args.mixture, args.output, model.fs, lambda wav: extract(model, wav, enrolment), channel)
    print(args.output)


def data_dirs(args: argparse.Namespace) -> None:
    """Extract from the mixtures of a work list."""
    import torch

    from toolkit.data.extraction import first_seconds, fixed_enrolments
    from toolkit.io.ark import ArkWriter
    from toolkit.io.audio import AudioTable
    from toolkit.io.datadir import DataDir
    from toolkit.io.jobs import ark_path, read_work, write_job_tables
    from toolkit.io.progress import progress
    from toolkit.simulate.enrolments import strangers
    from toolkit.tasks.inference import check_signal, extract
    from toolkit.tasks.packing import load_extractor

    torch.set_num_threads(1)
    model = load_extractor(args.model, args.weights).to(args.device)
    work = read_work(args.work)
    with progress(sum(map(len, work.values())), "extract") as bar:
        for name, keys in work.items():
            path = Path(args.in_root) / name
            audio, voices = AudioTable(path, fs=model.fs), fixed_enrolments(path, model.fs)
            enrolled = strangers(DataDir(path)) if args.absent else {}
            with ArkWriter(ark_path(args.out_root, name, "wav", args.job)) as ark:
                for key in keys:
                    voice = first_seconds(voices.read(enrolled.get(key, key)), args.enroll_seconds, model.fs)
                    if not voice.any():
                        raise InputError(
                            f"{key}: its enrolment ({voices.values[key]}) is digital silence; choose another"
                        )
                    made = check_signal(extract(model, audio.read(key), voice), key)
                    ark.write_audio(key, made, model.fs)
                    bar.update()
            lengths = {key: audio.num_samples(key) for key in keys}
            write_job_tables(args.out_root, name, args.job, wav_scp=ark.scp, utt2num_samples=lengths)


def main(argv=None) -> None:
    """Extract."""
    args = get_parser().parse_args(argv)
    if args.device != "cpu":
        import torch

        if not torch.cuda.is_available():
            raise InputError(f"--device {args.device}: no such device here; use --gpu_inference false")
    if args.enroll_seconds is not None and not args.enroll_seconds > 0:
        raise InputError(f"--enroll_seconds {args.enroll_seconds}: it must be above 0")
    if args.work is None:
        one_file(args)
    else:
        data_dirs(args)


if __name__ == "__main__":
    sys.exit(run(main))
