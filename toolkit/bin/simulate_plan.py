"""Plan mixtures of a formatted data dir: seeded text, one mixture a line, and the tables of the mixture set.

With --snrs: a set <prefix>_<kind>_<snr> for each kind of noise in the config and each SNR, ids as in the data dir, so
that one trial list serves every condition. Without: one set, whose noise, SNR, room and speed are drawn by the config.
"""

import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Literal

import yaml

from toolkit.io.audio import AudioTable, audio_info
from toolkit.io.command_line import run
from toolkit.io.config import ConfigParser
from toolkit.io.datadir import DataDir, c_sorted, invert, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.progress import progress
from toolkit.simulate.enrolments import FACT, STREAM, EnrolmentPool, planned
from toolkit.simulate.plan import Mixture, generator, write_plan
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.sets import check_known_sets, write_mix_conf


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.simulate_plan``."""
    parser = ConfigParser.command_line(__doc__)
    parser.add_class_arguments(MixturePlanner, "planner")
    parser.add_argument("--data", type=str, required=True, help="formatted data dir of the targets, e.g. dump/raw/test")
    parser.add_argument("--out_root", type=str, default="data", help="folder of the sets to write")
    parser.add_argument("--name", type=str, required=True, help="name of the set, or prefix of the sets with --snrs")
    parser.add_argument("--snrs", type=list[float] | None, default=None, help="SNRs in dB, e.g. [0,10,20]")
    parser.add_argument("--kinds", type=list[str] | None, default=None, help="kinds of noise; default: the config's")
    parser.add_argument("--copies", type=int, default=1, help="mixtures of each utterance (without --snrs)")
    parser.add_argument(
        "--num_mixtures",
        type=int | None,
        default=None,
        help="mixtures in all, of utterances drawn at random, none twice before all are taken (without --snrs)",
    )
    parser.add_argument(
        "--enroll",
        type=Literal["none", "fixed", "draw"],
        default="none",
        help="of target speaker extraction: choose another utterance of the target's speaker for each mixture (fixed), "
        "or leave it to training to draw one in every epoch (draw)",
    )
    parser.add_argument("--enroll_from", type=str | None, default=None, help="data dir of enrolments; default: --data")
    parser.add_argument("--each_speed", action="store_true", help="a copy at each speed instead of a drawn one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--known_sets", type=list[str] | None, default=None, help="with --check: names of sets that configs may draw on"
    )
    parser.add_argument("--check", action="store_true", help="check the config, say whether it mixes, and end")
    return parser


_MOST, _MOST_DB = 10**8, 200
_OF_THE_AUDIO = {"utt2dur", "utt2num_samples", "utt2num_frames", "utt2uniq"}  # not so of the mixture


def other_genders(path: Path, mixtures: list[Mixture], genders: dict[str, str]) -> None:
    """Write utt2interferer_gender, where there are interferers and all their genders are known."""
    others = {m.id: genders.get(m.facts["interferer"]) for m in mixtures if "interferer" in m.facts}
    if others and all(others.values()):
        write_table(path / "utt2interferer_gender", others)


def genders_of(data_dirs: list[str]) -> dict[str, str]:
    """Speaker -> gender, by the spk2gender of some data dirs."""
    known: dict[str, str] = {}
    for data in map(DataDir, data_dirs):
        known |= data.table("spk2gender") if "spk2gender" in data else {}
    return known


def write_set(
    path: Path, mixtures: list[Mixture], source: DataDir, utts: list[str], genders: dict[str, str] | None = None
) -> None:
    """Write the plan and its tables.

    Args:
        path: data dir to write.
        mixtures: the plan.
        source: where the targets are.
        utts: the targets' utterances, line by line.
        genders: of the interfering speakers, where they are known.
    """
    if (path / "wav.scp").is_file() and not (path / "mix.jsonl").is_file():
        raise InputError(f"{path}: holds recordings, a plan would overwrite their tables; choose another --name")
    for stale in (*path.glob("utt2*"), *path.glob("spk2*"), *(path / n for n in ("text", "trials", "enroll2utt"))):
        stale.unlink(missing_ok=True)
    utt2spk = {m.id: m.speaker for m in mixtures}
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(ids) for spk, ids in invert(utt2spk).items()})
    for fact in sorted({name for m in mixtures for name in m.facts}):
        missing = "inf" if fact in ("snr", "sir") else "none"
        write_table(path / f"utt2{fact}", {m.id: m.facts.get(fact, missing) for m in mixtures})
    old = source.table("utt2spk")
    other_genders(path, mixtures, genders or {})
    for table in (p.name for p in source.path.glob("spk2*") if p.name != "spk2utt"):
        values = source.table(table)
        if lost := {old[u] for u in utts} - values.keys():
            raise InputError(
                f"{source.path / table}: has no line for {some_of(c_sorted(lost), 3)} of utt2spk; add it, or "
                "remove the table"
            )
        write_table(path / table, {m.speaker: values[old[u]] for m, u in zip(mixtures, utts, strict=True)})
    for table in set(source.tables()) - _OF_THE_AUDIO:
        if not table.endswith(".scp") and not (path / table).exists():  # not what the mixture says itself
            values = source.table(table)
            write_table(path / table, {m.id: values[u] for m, u in zip(mixtures, utts, strict=True)})
    for name in ("trials", "enroll2utt"):
        if name in source and set(utt2spk) == set(source.keys()):
            (path / name).write_bytes((source.path / name).read_bytes())
    write_plan(path / "mix.jsonl", mixtures)


def grid(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: dict[str, str], fs: int):
    """Set name -> (mixtures, utterances), a set for every kind and SNR."""
    for kind in args.kinds or planner.noises:
        for snr in args.snrs:
            # The words hold no SNR: a condition's noise is the same recording at every level.
            yield (
                f"{args.name}_{kind}_{snr:g}",
                [
                    planner.draw((args.seed, args.name, kind, u), u, u, utt2spk[u], n, fs, kind=kind, snr=snr)
                    for u, n in _counted(lengths.items(), f"{kind} {snr:g} dB")
                ],
                list(lengths),
            )


def chosen(args, utts: list[str]) -> list[tuple[str, int]]:
    """Utterances and the numbers of their copies, ``--num_mixtures`` in all: as even as can be, drawn by seed."""
    each, rest = divmod(args.num_mixtures, len(utts))
    more = generator(args.seed, args.name, "num_mixtures").permutation(len(utts)) < rest
    return [(utt, copy) for utt, one in zip(utts, more, strict=True) for copy in range(each + one)]


def drawn(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: dict[str, str], fs: int):
    """The one set of drawn mixtures: ``copies`` (or one at each speed) of every utterance, or ``num_mixtures``."""
    mixtures, utts = [], []
    copies = [(c, s) for c in range(args.copies) for s in (planner.speeds if args.each_speed else [None])]
    planned = [(utt, copy, speed) for utt, (copy, speed) in product(lengths, copies)]
    if args.num_mixtures:
        planned = [(utt, copy, None) for utt, copy in chosen(args, list(lengths))]
    once = len(planned) == len({utt for utt, _, _ in planned})
    for utt, copy, speed in _counted(planned, args.name):
        length, words = lengths[utt], (args.seed, args.name, utt, copy, speed)
        mixture_id = utt if once else f"{utt}-m{copy}" + (f"sp{speed:g}" if speed else "")
        mixture = planner.draw(words, mixture_id, utt, utt2spk[utt], length, fs, speed=speed)
        # A new speaker's label begins the id: data dirs are sorted by id and by speaker alike.
        prefix = planner.speaker_label("", mixture.sources[0].speed)
        mixtures.append(replace(mixture, id=prefix + mixture_id))
        utts.append(utt)
    yield args.name, mixtures, utts


def enrolled(mixture: Mixture, speaker: str, pool: EnrolmentPool, seed: int) -> Mixture:
    """The mixture with its enrolment among its facts."""
    return replace(mixture, facts={**mixture.facts, FACT: planned(mixture, speaker, pool, seed)})


def _counted(items: Collection, what: str) -> Iterator:
    """The items, with a bar that says how many are done."""
    with progress(len(items), f"plan {what}", "mix") as bar:
        for item in items:
            yield item
            bar.update()


def main(argv=None) -> None:
    """Write the plans."""
    parser = get_parser()
    args = parser.parse(argv)
    if not 1 <= args.copies <= _MOST:
        raise InputError(f"--copies {args.copies}: must be a whole number from 1 to {_MOST}")
    if not all(-_MOST_DB <= snr <= _MOST_DB for snr in args.snrs or []):
        raise InputError(f"--snrs {args.snrs}: must be numbers of dB from -{_MOST_DB} to {_MOST_DB}")
    if args.num_mixtures is not None:
        if not 1 <= args.num_mixtures <= _MOST:
            raise InputError(f"--num_mixtures {args.num_mixtures}: must be a whole number from 1 to {_MOST}")
        if args.copies > 1 or args.each_speed or args.snrs:
            raise InputError("--num_mixtures: not along with --copies, --each_speed or --snrs")
    planner: MixturePlanner = parser.build(args).planner
    if unknown := [kind for kind in args.kinds or [] if kind not in planner.noises]:
        raise InputError(f"--kinds {unknown[0]}: the config knows {', '.join(planner.noises) or 'none'}")
    if args.check:
        if args.known_sets is not None:
            config = yaml.safe_load(parser.dump(args))["planner"]
            config["noises"] = {
                k: n for k, n in (config["noises"] or {}).items() if k in (args.kinds or config["noises"])
            }
            root, where = Path(args.data).parent, ", ".join(parser.read_files)
            check_known_sets(config, "planner", args.known_sets, root, where)
        print("plan: mixing" if planner.noises or planner.interferer else "plan: one talker alone")
        return
    if args.snrs and args.kinds:  # recordings of other kinds need not be there
        planner.noises = {kind: planner.noises[kind] for kind in args.kinds}
    planner.open(Path(args.data).parent)
    source, audio = DataDir(args.data), AudioTable(args.data)
    source.check_same_keys("wav.scp")
    utt2spk, utts = source.table("utt2spk"), source.keys()
    fs = audio_info(audio.values[utts[0]], utts[0]).rate
    lengths = {utt: audio.num_samples(utt) for utt in utts}
    make = grid if args.snrs else drawn
    pool = EnrolmentPool(args.enroll_from or args.data) if args.enroll != "none" else None
    if pool:
        pool.check((utt2spk[utt], utt) for utt in utts)
    for name, mixtures, targets in make(args, planner, lengths, utt2spk, fs):
        path = Path(args.out_root) / name
        if args.enroll == "fixed":
            mixtures = [enrolled(m, utt2spk[utt], pool, args.seed) for m, utt in zip(mixtures, targets, strict=True)]
        write_set(path, mixtures, source, targets, genders_of([args.data, *planner.data_dirs()]))
        (path / f"{STREAM}.scp").unlink(missing_ok=True)
        if args.enroll == "draw":
            drawn_later = {m.id: f"*{utt} {utt2spk[utt]}" for m, utt in zip(mixtures, targets, strict=True)}
            write_table(path / f"{STREAM}.scp", drawn_later)
        data_dirs = [args.data, *planner.data_dirs(), *(pool.data_dirs if pool else [])]
        write_mix_conf(path, data_dirs, planner.room_dirs(), fs, args.seed, pool.data_dirs if pool else [])
        print(f"{path}: {len(mixtures)} mixtures planned")


if __name__ == "__main__":
    sys.exit(run(main))
