"""Draw a seeded trial list over the utterances of data dirs: <data_dir>/trials, ``enroll test target|nontarget``.

With --enroll_utts 3, trials enrol models of three utterances, which <data_dir>/enroll2utt lists.
"""

import argparse
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, positive_int, real_number, run, seed
from toolkit.io.datadir import DataDir, invert
from toolkit.io.enrolment import draw_models, read_sides, write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.io.model_trials import count_pairs, make_model_trials
from toolkit.io.trials import Trials, check_kinds, make_trials, write_trials


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.make_trials``."""
    parser = Parser(description=__doc__)
    parser.add_argument("data_dirs", nargs="+")
    parser.add_argument(
        "--targets_per_speaker", type=positive_int, default=100, help="fewer where a speaker has fewer pairs"
    )
    parser.add_argument(
        "--nontargets_per_target", type=real_number(0, 1e6), default=4.0, help="half of them of one gender (spk2gender)"
    )
    parser.add_argument("--enroll_utts", type=positive_int, default=1, help="utterances of an enrolment")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--check", action="store_true", help="write nothing: check ids of the lists, and both kinds")
    return parser


def draw_pairs(data: DataDir, args) -> Trials:
    """Trials of an utterance against another."""
    utt2spk = data.table("utt2spk")
    sizes = [len(utts) for utts in invert(utt2spk).values()]
    if len(sizes) < 2 or max(sizes) < 2:
        raise InputError(
            f"{data.path}: trials need two speakers, and two utterances of one; it has {len(sizes)} speakers"
        )
    targets = sum(min(args.targets_per_speaker, n * (n - 1) // 2) for n in sizes)
    possible = (len(utt2spk) ** 2 - sum(n * n for n in sizes)) // 2
    wanted, gender = nontargets_of(targets, possible, data, args)
    return make_trials(utt2spk, wanted, targets_per_speaker=args.targets_per_speaker, spk2gender=gender, seed=args.seed)


def draw_with_models(data: DataDir, args) -> tuple[Trials, dict[str, list[str]]]:
    """Trials of an enrolment model against an utterance, and the models that stand in them."""
    utt2spk = data.table("utt2spk")
    models = draw_models(utt2spk, args.enroll_utts, args.seed)
    available, possible = count_pairs(models, utt2spk)
    if not available or not possible:
        raise InputError(
            f"{data.path}: models of {args.enroll_utts} utterances need two speakers, and a speaker with "
            f"{args.enroll_utts + 1} utterances; lower --enroll_utts"
        )
    targets = sum(min(args.targets_per_speaker, n) for n in available.values())
    wanted, gender = nontargets_of(targets, possible, data, args)
    trials = make_model_trials(
        models, utt2spk, wanted, targets_per_speaker=args.targets_per_speaker, spk2gender=gender, seed=args.seed
    )
    enrolled = {trials.ids[i] for i in set(trials.enroll.tolist())}
    return trials, {model: utts for model, utts in models.items() if model in enrolled}


def nontargets_of(targets: int, possible: int, data: DataDir, args) -> tuple[int, dict[str, str] | None]:
    """How many nontargets to draw, and spk2gender where it is there and the choice is wide enough to heed it."""
    wanted = round(targets * args.nontargets_per_target)
    heed = "spk2gender" in data and wanted < possible // 4
    return min(wanted, possible), data.table("spk2gender") if heed else None


def main(argv=None) -> None:
    """Write the lists."""
    args = get_parser().parse_args(argv)
    drawn = []
    for path in map(Path, args.data_dirs):
        data = DataDir(path)
        if args.check:
            for name in sorted(file.name for file in path.glob("trials*")) or ["trials"]:
                trials, sides = read_sides(path, name)
                check_kinds(trials, path / name)
                sides.speakers(data.table("utt2spk"), f"{path}/utt2spk")
        elif args.enroll_utts == 1:
            drawn.append((path, draw_pairs(data, args), None))
        else:
            drawn.append((path, *draw_with_models(data, args)))
    for path, trials, models in drawn:
        if models is None:
            (path / "enroll2utt").unlink(missing_ok=True)
        else:
            write_enroll2utt(path / "enroll2utt", models)
        write_trials(path / "trials", trials)
        targets = int(trials.is_target.sum())
        print(f"{path}/trials: {targets} target and {len(trials) - targets} non-target trials")


if __name__ == "__main__":
    sys.exit(run(main))
