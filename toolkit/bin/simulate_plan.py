"""Plan mixtures of a formatted data dir: seeded text, one mixture a line, and the tables of the mixture set.

With --snrs: a set <prefix>_<kind>_<snr> for each kind of noise in the config and each SNR, ids as in the data dir, so
that one trial list serves every condition. Without: one set, whose noise, SNR, room and speed are drawn by the config.
"""

import sys
from pathlib import Path

from toolkit.bin.cli import run
from toolkit.io.config import ConfigParser
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, invert, write_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture, write_plan
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.sets import write_mix_conf


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.simulate_plan``."""
    parser = ConfigParser.command_line(__doc__)
    parser.add_class_arguments(MixturePlanner, "planner")
    parser.add_argument("--data", type=str, required=True, help="formatted data dir of the targets, e.g. dump/raw/test")
    parser.add_argument("--out_root", type=str, default="data", help="folder of the sets to write")
    parser.add_argument("--name", type=str, required=True, help="name of the set, or prefix of the sets with --snrs")
    parser.add_argument("--snrs", type=list[float] | None, default=None, help="SNRs in dB, e.g. [0,10,20]")
    parser.add_argument("--kinds", type=list[str] | None, default=None, help="kinds of noise, default all of the config")
    parser.add_argument("--copies", type=int, default=1, help="mixtures of each utterance (without --snrs)")
    parser.add_argument("--each_speed", action="store_true", help="a copy at each speed instead of a drawn one")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def write_set(path: Path, mixtures: list[Mixture], source: DataDir, utts: list[str]) -> None:
    """Write the plan and its tables; ``utts`` are the targets' utterances, line by line."""
    utt2spk = {m.id: m.speaker for m in mixtures}
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(ids) for spk, ids in invert(utt2spk).items()})
    for fact in sorted({name for m in mixtures for name in m.facts}):
        missing = "none" if fact == "room" else "inf"
        write_table(path / f"utt2{fact}", {m.id: m.facts.get(fact, missing) for m in mixtures})
    if "text" in source:
        text = source.table("text")
        write_table(path / "text", {m.id: text[utt] for m, utt in zip(mixtures, utts, strict=True)})
    if "spk2gender" in source:
        gender, old = source.table("spk2gender"), source.table("utt2spk")
        write_table(path / "spk2gender", {m.speaker: gender[old[u]] for m, u in zip(mixtures, utts, strict=True)})
    if "trials" in source and set(utt2spk) == set(source.keys()):
        (path / "trials").write_bytes((source.path / "trials").read_bytes())
    write_plan(path / "mix.jsonl", mixtures)


def grid(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: dict[str, str], fs: int):
    """Set name -> (mixtures, utterances), a set for every kind and SNR."""
    for kind in args.kinds or planner.noises:
        if kind not in planner.noises:
            raise InputError(f"--kinds {kind}: the config knows {', '.join(planner.noises) or 'none'}")
        for snr in args.snrs:
            # The words hold no SNR: a condition's noise is the same recording at every level.
            yield (
                f"{args.name}_{kind}_{snr:g}",
                [
                    planner.draw((args.seed, args.name, kind, u), u, u, utt2spk[u], n, fs, kind=kind, snr=snr)
                    for u, n in lengths.items()
                ],
                list(lengths),
            )


def drawn(args, planner: MixturePlanner, lengths: dict[str, int], utt2spk: dict[str, str], fs: int):
    """The one set of drawn mixtures: ``copies`` (or one at each speed) of every utterance."""
    mixtures, utts = [], []
    copies = [(c, s) for c in range(args.copies) for s in (planner.speeds if args.each_speed else [None])]
    for utt, length in lengths.items():
        for copy, speed in copies:
            words = (args.seed, args.name, utt, copy, speed)
            mixture_id = utt if len(copies) == 1 else f"{utt}-m{copy}" + (f"sp{speed:g}" if speed else "")
            if planner.new_speakers and speed not in (None, 1.0):
                mixture_id = f"sp{speed:g}-{mixture_id}"
            mixtures.append(planner.draw(words, mixture_id, utt, utt2spk[utt], length, fs, speed=speed))
            utts.append(utt)
    yield args.name, mixtures, utts


def main(argv=None) -> None:
    """Write the plans."""
    parser = get_parser()
    args = parser.parse(argv)
    planner: MixturePlanner = parser.build(args).planner
    source, audio = DataDir(args.data), AudioTable(args.data)
    utt2spk, utts = source.table("utt2spk"), source.keys()
    fs = _rate(audio, utts[0])
    lengths = {utt: audio.num_samples(utt) for utt in utts}
    make = grid if args.snrs else drawn
    for name, mixtures, targets in make(args, planner, lengths, utt2spk, fs):
        path = Path(args.out_root) / name
        write_set(path, mixtures, source, targets)
        write_mix_conf(path, [args.data, *planner.data_dirs()], args.planner.rooms or [], fs, args.seed)
        print(f"{path}: {len(mixtures)} mixtures planned")


def _rate(audio: AudioTable, key: str) -> int:
    from toolkit.io.audio import audio_info

    return audio_info(audio.values[key], key).rate


if __name__ == "__main__":
    sys.exit(run(main))
