"""Plan sets of mixtures, one set per condition or one set with random conditions, and write their data dirs."""

import copy as copying
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

from toolkit.io.audio import AudioTable, audio_info
from toolkit.io.conditions import write_conditions
from toolkit.io.datadir import DataDir, c_sorted, invert, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.progress import progress
from toolkit.simulate.enrolments import FACT, STREAM, EnrolmentPool, planned
from toolkit.simulate.mix_conf import write_mix_conf
from toolkit.simulate.plan import Mixture, generator, write_plan
from toolkit.simulate.planner import DRAWN, MixturePlanner

_MOST, _MOST_DB = 10**8, 200
_OF_THE_AUDIO = {"utt2dur", "utt2num_samples", "utt2num_frames", "utt2uniq"}  # differ for the mixture


def check_options(args) -> None:
    """Raise InputError if an option is out of its range or conflicts with another."""
    if not 1 <= args.copies <= _MOST:
        raise InputError(f"--copies {args.copies}: must be a whole number from 1 to {_MOST}")
    if not all(-_MOST_DB <= snr <= _MOST_DB for snr in args.snrs or []):
        raise InputError(f"--snrs {args.snrs}: must be numbers in dB from -{_MOST_DB} to {_MOST_DB}")
    if args.num_mixtures is not None:
        if not 1 <= args.num_mixtures <= _MOST:
            raise InputError(f"--num_mixtures {args.num_mixtures}: must be a whole number from 1 to {_MOST}")
        if args.copies > 1 or args.each_speed or args.snrs:
            raise InputError("--num_mixtures: cannot be combined with --copies, --each_speed or --snrs")


def other_genders(path: Path, mixtures: list[Mixture], genders: dict[str, str]) -> None:
    """Write utt2interferer_gender, if there are interferers and all their genders are known."""
    others = {m.id: genders.get(m.facts["interferer"]) for m in mixtures if "interferer" in m.facts}
    if others and all(others.values()):
        write_table(path / "utt2interferer_gender", others)


def genders_of(data_dirs: list[str]) -> dict[str, str]:
    """Speaker -> gender, from the spk2gender of data dirs."""
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
        source: data dir of the targets.
        utts: target utterance of each mixture.
        genders: genders of the interfering speakers, if known.
    """
    if (path / "wav.scp").is_file() and not (path / "mix.jsonl").is_file():
        raise InputError(f"{path}: holds recordings, whose tables a plan would overwrite; choose another --name")
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
        if missing_speakers := {old[u] for u in utts} - values.keys():
            raise InputError(
                f"{source.path / table}: has no line for {some_of(c_sorted(missing_speakers), 3)} of utt2spk; "
                "add it, or remove the table"
            )
        write_table(path / table, {m.speaker: values[old[u]] for m, u in zip(mixtures, utts, strict=True)})
    for table in set(source.tables()) - _OF_THE_AUDIO:
        if not table.endswith(".scp") and not (path / table).exists():  # except facts of the mixture
            values = source.table(table)
            write_table(path / table, {m.id: values[u] for m, u in zip(mixtures, utts, strict=True)})
    for name in ("trials", "enroll2utt"):
        if name in source and set(utt2spk) == set(source.keys()):
            (path / name).write_bytes((source.path / name).read_bytes())
    write_plan(path / "mix.jsonl", mixtures)


def grid(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: Mapping[str, str], fs: int):
    """Mixture sets, one per noise type and SNR, without a codec and then with each of ``--codecs``.

    With a codec there is also a set without noise. The coded sets are conditions of the test set ``<name>_<codec>``.

    Yields:
        Name of the set, mixtures, utterances, name of the test set.
    """
    quiet = copying.copy(planner)
    quiet.noises = {}
    for codec in [None, *args.codecs] if args.codecs else [DRAWN]:
        test_set = args.name if codec in (None, DRAWN) else f"{args.name}_{codec}"
        conditions = [(kind, snr) for kind in args.kinds or planner.noises for snr in args.snrs]
        for kind, snr in [*conditions] if test_set == args.name else [(None, None), *conditions]:
            noise = f"_{kind}_{snr:g}" if kind else ""
            yield (
                test_set + noise,
                [
                    # The seed words have no SNR and no codec, so all use the same noise recordings.
                    (planner if kind else quiet).draw(
                        (args.seed, args.name, kind, u), u, u, utt2spk[u], n, fs, kind=kind, snr=snr, codec=codec
                    )
                    for u, n in _counted(lengths.items(), f"{test_set}{noise}")
                ],
                list(lengths),
                test_set,
            )


def chosen(args, utts: list[str]) -> list[tuple[str, int]]:
    """Utterances with copy numbers, ``--num_mixtures`` in total, as evenly as possible, drawn by seed."""
    each, rest = divmod(args.num_mixtures, len(utts))
    more = generator(args.seed, args.name, "num_mixtures").permutation(len(utts)) < rest
    return [(utt, copy) for utt, extra in zip(utts, more, strict=True) for copy in range(each + extra)]


def drawn(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: Mapping[str, str], fs: int):
    """The set of random mixtures: ``copies`` (or one per speed) of every utterance, or ``num_mixtures``."""
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
        # The id begins with the label of a new speaker, so ids and speakers sort alike.
        prefix = planner.speaker_label("", mixture.sources[0].speed)
        mixtures.append(replace(mixture, id=prefix + mixture_id))
        utts.append(utt)
    yield args.name, mixtures, utts, args.name


def enrolled(mixture: Mixture, speaker: str, pool: EnrolmentPool, seed: int) -> Mixture:
    """The mixture with its enrolment among its facts."""
    return replace(mixture, facts={**mixture.facts, FACT: planned(mixture, speaker, pool, seed)})


def _counted(items: Collection, what: str) -> Iterator:
    """The items, with a progress bar."""
    with progress(len(items), f"plan {what}", "mix") as bar:
        for item in items:
            yield item
            bar.update()


def plan_sets(args, planner: MixturePlanner) -> None:
    """Write the sets by the options of ``simulate_plan``."""
    if args.snrs and args.kinds:  # recordings of other types may be missing
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
    for name, mixtures, targets, test_set in make(args, planner, lengths, utt2spk, fs):
        path = Path(args.out_root) / name
        if pool is not None and args.enroll == "fixed":
            mixtures = [enrolled(m, utt2spk[utt], pool, args.seed) for m, utt in zip(mixtures, targets, strict=True)]
        write_set(path, mixtures, source, targets, genders_of([args.data, *planner.data_dirs()]))
        (path / f"{STREAM}.scp").unlink(missing_ok=True)
        if args.enroll == "draw":
            drawn_later = {m.id: f"*{utt} {utt2spk[utt]}" for m, utt in zip(mixtures, targets, strict=True)}
            write_table(path / f"{STREAM}.scp", drawn_later)
        data_dirs = [args.data, *planner.data_dirs(), *(pool.data_dirs if pool else [])]
        write_conditions(path, test_set)
        write_mix_conf(path, data_dirs, planner.room_dirs(), fs, args.seed, pool.data_dirs if pool else [])
        print(f"{path}: {len(mixtures)} mixtures planned")
