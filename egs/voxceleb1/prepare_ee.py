"""Clean speech without labels, and trials of five protocols, as SEED uses them -> data/.

train, valid: LibriTTS-R (train-clean-100, train-clean-360) and Libri-Light (small), or one of them, cut into pieces;
valid has one speaker in --valid_every. Tests: voxceleb1_o, voxceleb1 (trials_e, trials_h), vcmix, voxsrc23. MUSAN and
RIRS_NOISES as prepare_noises.py makes them. VOXSRC23 and VOXCONVERSE are left out where they are not there.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from prepare_data import (
    LISTS,
    VoxCeleb,
    find_list,
    note_duplicates,
    official_trials,
    read_corpus,
    remove_trials,
    subset,
    with_audio,
    write_test,
)
from prepare_noises import add_arguments, prepare
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from toolkit.io.command_line import Parser, real_number, run, whole_number
from toolkit.io.corpora import optional_corpus, speaker_of, write_speech
from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import Speech, audio_files, cut_recordings, read_speech, word
from toolkit.io.text import fields, read_lines
from toolkit.io.trials import Trials, check_kinds, read_trials, write_trials
from toolkit.simulate import folder_sets

VOXCONVERSE = "mm.kaist.ac.kr/projects/seed-pytorch/voxconverse_test_SV.zip"
VOXSRC23 = "mm.kaist.ac.kr/datasets/voxceleb/voxsrc/competition2023.html (validation set of tracks 1 and 2)"
LIBRITTS_PARTS = {"train-clean-100": 247, "train-clean-360": 904}  # speakers
LIBRILIGHT_SPEAKERS = 489
VCMIX_LIST, VCMIX_TRIALS = "trials_wo_overlap.txt", (18802, 140734)  # targets of VoxCeleb1-O, nontargets of VoxConverse


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    add_arguments(parser)
    parser.set_defaults(corpora=["musan", "rirs_noises"])
    seconds = real_number(1, 1e4)
    parser.add_argument(
        "--segment_seconds", type=seconds, default=12.0, help="length of pieces, up to half as much more"
    )
    parser.add_argument("--valid_every", type=whole_number(2), default=100, help="one speaker in N is in valid")
    parser.add_argument("--allow_bad", type=whole_number(), default=0, help="leave out up to N unreadable files")
    return parser


def clean_folders() -> dict[str, tuple[Path, int]]:
    """What it is -> folder of speakers' folders, and how many speakers were published."""
    folders = {}
    if root := optional_corpus("LIBRITTS_R", "openslr.org/141", "LibriTTS_R"):
        for part, speakers in LIBRITTS_PARTS.items():
            names = [name for name in (part, part.replace("-", "_")) if (root / name).is_dir()]
            if names:
                folders[f"LIBRITTS_R={root}: {part}"] = root / names[0], speakers
            else:
                print(f"left out: LIBRITTS_R={root}: holds no {part}")
    if root := optional_corpus("LIBRILIGHT", "github facebookresearch/libri-light (small.tar)", "small"):
        folders[f"LIBRILIGHT={root}"] = root, LIBRILIGHT_SPEAKERS
    if not folders:
        raise InputError("LIBRITTS_R, LIBRILIGHT: training needs one of them; set it or CORPORA in db.sh")
    return folders


def read_clean(seconds: float, allow_bad: int) -> Speech:
    """All clean speech in pieces. Both corpora number their speakers as LibriVox does, so one number is one reader."""
    speech = Speech({}, {})
    for what, (folder, published) in clean_folders().items():
        part = read_speech(folder)
        if both := c_sorted(speech.wav.keys() & part.wav.keys()):
            raise InputError(f"{what}: {some_of(both)}: also in another corpus; keep one of the two")
        if (count := len(part.speakers())) != published:
            print(f"warning: {what}: {count} speakers, published are {published}", file=sys.stderr)
        speech = replace(speech, wav=speech.wav | part.wav, utt2spk=speech.utt2spk | part.utt2spk)
    return cut_recordings(speech, seconds, allow_bad)


def hold_out(speech: Speech, every: int) -> dict[str, Speech]:
    """train, and valid: one speaker in ``--valid_every``, at least one speaker."""
    speakers = speech.speakers()
    if len(speakers) < 2:
        raise InputError("LIBRITTS_R, LIBRILIGHT: have one speaker in total; train and valid need one each")
    held = set(speakers[every - 1 :: every] or speakers[-1:])
    return {"train": speech.of(speakers=set(speakers) - held), "valid": speech.of(speakers=held)}


def write_clean(outdir: Path, sets: dict[str, Speech]) -> None:
    """Write train and valid."""
    for name, speech in sets.items():
        folder_sets.write_set(outdir / name, speech)
        times = [fields(line)[1:] for line in speech.segments.values()]
        hours = sum(float(end) - float(begin) for begin, end in times) / 3600
        print(f"{outdir / name}: {len(times)} pieces of {len(speech.speakers())} speakers, {hours:.1f} h")


def listed_files(names: Iterable[str], root: Path) -> dict[str, Path]:
    """Name in a list -> file below ``root``: the only one whose path ends so, with root's own folder or without."""
    files, tails = audio_files(root), defaultdict(list)
    for key in files:
        parts = key.split("/")
        for at in range(1, len(parts)):
            tails["/".join(parts[at:])].append(key)
    by_name = {}
    for name in names:
        stem = os.path.splitext(name)[0]
        inner = stem.removeprefix(f"{root.name}/")
        keys = next(([key] for key in (stem, inner) if key in files), None) or tails[stem] or tails[inner]
        if len(keys) > 1:
            raise InputError(f"{name}: may be {files[keys[0]]} or {files[keys[1]]}; keep one of the two below {root}")
        if keys:
            by_name[name] = files[keys[0]]
    return by_name


def same_speaker(trials: Trials) -> np.ndarray:
    """(number of ids,) speaker of each id, by its target trials and theirs; numbers follow the order of ids."""
    first, second = (side[trials.is_target] for side in (trials.enroll, trials.test))
    size = len(trials.ids)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    component = connected_components(graph, directed=False)[1]
    number: dict[int, int] = {}
    order = sorted(range(size), key=lambda at: trials.ids[at].encode())
    for at in order:
        number.setdefault(component[at], len(number) + 1)
    return np.array([number[one] for one in component])


class ListedSpeech:
    """Utterances that a trial list names by paths, ``<label> <path> <path>``.

    Attributes:
        trials: over utterance ids ``<speaker>-<path>``.
        wav: utterance -> file, of those that are there.
    """

    def __init__(self, path: Path, root: Path, prefix: str, targets: bool = True):
        """Read a list.

        Args:
            root: folder of the audio.
            prefix: of the speakers, whom target trials tell apart: two ids of a target trial are of one speaker.
            targets: whether target trials are used; if not, a list that contradicts itself is accepted.

        Raises:
            InputError: the list has no labels, contradicts itself, or a name may be either of two files.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such trial list; get it with the audio of {root}, or set its path in db.sh")
        first = next((line for _, line in read_lines(path)), "")
        if len(fields(first)) == 2:
            raise InputError(
                f"{path}:1: has no label, as in a blind test set, which cannot be scored; give a list with labels"
            )
        self.trials = trials = read_trials(path)
        note_duplicates(trials, path)
        speaker = same_speaker(trials)
        wrong = np.flatnonzero(~trials.is_target & (speaker[trials.enroll] == speaker[trials.test]))
        if len(wrong):
            a, b = (trials.ids[side[wrong[0]]] for side in (trials.enroll, trials.test))
            message = f"{path}:{wrong[0] + 1}: {a} and {b} are of one speaker by other lines ({len(wrong)} such lines)"
            if targets:
                raise InputError(f"{message}; download the list again, or correct it")
            print(f"warning: {message}; each utterance counts as a speaker", file=sys.stderr)
            speaker = np.arange(1, len(speaker) + 1)
        files = listed_files(trials.ids, root)
        stems = [word(os.path.splitext(name)[0]) for name in trials.ids]
        utts = [f"{prefix}{number:05d}-{stem}" for number, stem in zip(speaker, stems, strict=True)]
        self.wav = {utt: files[name] for utt, name in zip(utts, trials.ids, strict=True) if name in files}
        trials.ids = utts


def joined(*parts: Trials) -> Trials:
    """Trials of several lists, one list behind the other, over the ids that they use."""
    index: dict[str, int] = {}
    columns = []
    for part in parts:
        used = set(part.used_ids())
        place = np.array([index.setdefault(utt, len(index)) if utt in used else -1 for utt in part.ids], np.int32)
        columns.append((place[part.enroll], place[part.test], part.is_target))
    return Trials(list(index), *(np.concatenate(column) for column in zip(*columns, strict=True)))


def write_listed(args, name: str, trials: Trials, wav: dict[str, Path], path: Path) -> None:
    """A set of what a list names, of trials that have audio; the others are in left_out_trials."""
    keep, folder = with_audio(trials, wav, path, args.partial), args.outdir / name
    remove_trials(folder)
    kept = joined(subset(trials, keep))
    check_kinds(kept, path)
    write_speech(folder, wav, {utt: speaker_of(utt) for utt in kept.ids})
    write_trials(folder / "trials", kept)
    if not keep.all():
        write_trials(folder / "left_out_trials", subset(trials, ~keep))
    print(f"{folder}: {len(kept)} trials, {int(kept.is_target.sum())} of them targets")


def prepare_vcmix(args, vox: VoxCeleb, root: Path) -> None:
    """VC-Mix: target trials of the cleaned VoxCeleb1-O, nontarget trials within recordings of VoxConverse."""
    file, published = LISTS["voxceleb1_o", "trials"]
    cleaned = official_trials(find_list(vox.lists, file, needed=True), published, args.partial)
    listed = ListedSpeech(root / VCMIX_LIST, root, "voxconverse", targets=False)
    targets, nontargets = subset(cleaned, cleaned.is_target), subset(listed.trials, ~listed.trials.is_target)
    for kind, part, count in zip(("targets", "nontargets"), (targets, nontargets), VCMIX_TRIALS, strict=True):
        if len(part) != count:
            print(f"warning: vcmix: {len(part)} {kind}, published are {count}", file=sys.stderr)
    write_listed(args, "vcmix", joined(targets, nontargets), vox.wav | listed.wav, root / VCMIX_LIST)


def prepare_voxsrc23(args, root: Path) -> None:
    """The list that VOXSRC23_LIST names, of VoxSRC 2023."""
    path = Path(os.environ.get("VOXSRC23_LIST") or root / "VoxSRC2023_val.txt")
    listed = ListedSpeech(path, root, "voxsrc")
    write_listed(args, "voxsrc23", listed.trials, listed.wav, path)


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    vox = read_corpus(args.partial)
    clean = hold_out(read_clean(args.segment_seconds, args.allow_bad), args.valid_every)
    write_test(args, "voxceleb1_o", vox, vox.tested(), cleaned=True)
    write_test(args, "voxceleb1", vox, [], cleaned=True)
    if root := optional_corpus("VOXCONVERSE", VOXCONVERSE):
        prepare_vcmix(args, vox, root)
    if root := optional_corpus("VOXSRC23", VOXSRC23):
        prepare_voxsrc23(args, root)
    write_clean(args.outdir, clean)
    prepare(args)


if __name__ == "__main__":
    sys.exit(run(main))
