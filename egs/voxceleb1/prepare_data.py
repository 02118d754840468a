"""VoxCeleb1 as published -> data/{train,valid,voxceleb1_o,voxceleb1} with the official trials; and noises and rooms.

Utterance ``id10001/1zcIwhmdeo4/00001.wav`` is ``id10001-1zcIwhmdeo4-00001``. Ids, and so all sets, do not depend on how
the corpus's folders are arranged. Shared by the tasks of this dataset.
"""

import argparse
import csv
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prepare_noises import add_arguments, prepare

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import check_count, corpus, incomplete, speaker_of, write_speech
from toolkit.io.datadir import c_sorted, invert
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import AUDIO_SUFFIXES
from toolkit.io.trials import Trials, read_trials, write_trials
from toolkit.simulate.plan import generator

VOXCELEB = "mm.kaist.ac.kr/datasets/voxceleb"
PUBLISHED = {"dev": (148642, 1211), "test": (4874, 40)}  # utterances, speakers
META = "vox1_meta.csv"
# Trial lists: set and table -> file, number of trials. The ones of 2 ("cleaned") lack wrong labels of the others.
LISTS = {
    ("voxceleb1_o", "trials"): ("veri_test2.txt", 37611),
    ("voxceleb1_o", "trials_original"): ("veri_test.txt", 37720),
    ("voxceleb1", "trials_e"): ("list_test_all2.txt", 579818),
    ("voxceleb1", "trials_e_original"): ("list_test_all.txt", 581480),
    ("voxceleb1", "trials_h"): ("list_test_hard2.txt", 550894),
    ("voxceleb1", "trials_h_original"): ("list_test_hard.txt", 552536),
}
_SPEAKER = re.compile(r"id1\d{4}")


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--valid_by", choices=["video", "speaker"], default="video", help="what is held out of dev")
    parser.add_argument("--valid_speakers", type=int, default=40, help="how many of dev's are in valid; 0: no valid")
    parser.add_argument("--valid_videos", type=int, default=4, help="videos of each of them in valid (by video)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of what is held out")
    return parser


def speaker_folders(folder: Path, depth: int = 3) -> Iterable[Path]:
    """Folders named id1dddd, at most ``depth`` levels down: vox1_dev_wav/wav/id10001, dev/wav/id10001, ..."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            if _SPEAKER.fullmatch(entry.name):
                yield Path(entry.path)
            elif depth > 1:
                yield from speaker_folders(Path(entry.path), depth - 1)


def find_audio(root: Path) -> dict[str, Path]:
    """Utterance -> file, of all speakers below ``root``; InputError for a duplicate id, or without audio."""
    files: dict[str, Path] = {}
    for speaker in speaker_folders(root):
        for video in os.scandir(speaker):
            for entry in os.scandir(video.path) if video.is_dir() else ():
                stem, suffix = os.path.splitext(entry.name)
                if suffix.lower() not in AUDIO_SUFFIXES:
                    continue
                utt = f"{speaker.name}-{video.name}-{stem}"
                if utt in files:
                    raise InputError(f"{entry.path}: duplicate id {utt}, also of {files[utt]}; keep one of the two")
                files[utt] = Path(entry.path)
    if not files:
        raise InputError(f"VOXCELEB1={root}: holds no <...>/id10001/<video>/00001.wav; is it VoxCeleb1, unpacked?")
    return files


def find_list(folder: Path, name: str, needed: bool) -> Path | None:
    """A list of the corpus, in the folder or in one of its folders."""
    for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
        if path.is_file():
            return path
    message = f"VOXCELEB1_LISTS={folder}: holds no {name}, get it from {VOXCELEB} (trial lists and vox1_meta.csv)"
    if needed:
        raise InputError(message)
    print(f"{message}: trials without it")
    return None


def read_meta(path: Path) -> dict[str, dict[str, str]]:
    """Speaker -> ``{"gender": m | f, "set": dev | test}`` of vox1_meta.csv (tab separated, with a header)."""
    meta: dict[str, dict[str, str]] = {}
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t")
        rows.fieldnames = [name.strip() for name in rows.fieldnames or []]
        for number, row in enumerate(rows, 2):
            speaker, gender, part = ((row.get(key) or "").strip() for key in ("VoxCeleb1 ID", "Gender", "Set"))
            if not _SPEAKER.fullmatch(speaker) or gender not in ("m", "f") or part not in PUBLISHED:
                expected = "the columns VoxCeleb1 ID, Gender and Set with id1dddd, m or f, dev or test"
                raise InputError(f"{path}:{number}: expected {expected}, got {speaker!r}, {gender!r}, {part!r}")
            if speaker in meta:
                raise InputError(f"{path}:{number}: duplicate speaker {speaker}; download the file again")
            meta[speaker] = {"gender": gender, "set": part}
    if not meta:
        raise InputError(f"{path}: is empty; get it from {VOXCELEB} (trial lists and vox1_meta.csv)")
    return meta


def check_complete(root: Path, utts: dict[str, list[str]], meta: dict, partial: bool) -> None:
    """Report when dev or test are not what was published; names speakers without a folder."""
    if unknown := c_sorted({s for s in utts if s not in meta}):
        raise InputError(f"VOXCELEB1={root}: {META} lacks {some_of(unknown)}; use the complete file of VoxCeleb1")
    for part, (num_utts, num_speakers) in PUBLISHED.items():
        speakers = [s for s in utts if meta[s]["set"] == part]
        have = sum(len(utts[s]) for s in speakers)
        if (have, len(speakers)) != (num_utts, num_speakers):
            missing = c_sorted(s for s in meta if meta[s]["set"] == part and s not in utts)
            incomplete(
                f"VOXCELEB1={root}: {part} has {have} utterances of {len(speakers)} speakers, published are {num_utts} "
                f"of {num_speakers}{'; no folder of ' + some_of(missing) if missing else ''}",
                partial,
            )


def official_trials(path: Path, published: int, partial: bool) -> Trials:
    """A published list, with our utterance ids."""
    trials = read_trials(path)
    trials.ids = [os.path.splitext(name)[0].replace("/", "-") for name in trials.ids]
    check_count(f"{path}: {len(trials)} trials", len(trials), published, partial)
    note_duplicates(trials, path)
    return trials


def note_duplicates(trials: Trials, path: Path) -> None:
    """Print the number of lines of a list that repeat an earlier one."""
    both = np.stack([trials.enroll, trials.test], 1).astype(np.int64)
    if twice := len(trials) - len(np.unique(both[:, 0] * len(trials.ids) + both[:, 1])):
        print(f"note: {path}: {twice} trials stand there more than once; they are kept, as published")


def with_audio(trials: Trials, wav: dict[str, Path], path: Path, partial: bool) -> np.ndarray:
    """Which trials have audio (N,) bool; reports utterances that have none."""
    there = np.array([utt in wav for utt in trials.ids])
    keep = there[trials.enroll] & there[trials.test]
    if not keep.all():
        missing = c_sorted(utt for utt, has in zip(trials.ids, there, strict=True) if not has)
        lost = f"{len(keep) - keep.sum()} of {len(keep)} trials"
        incomplete(f"{path}: {len(missing)} utterances have no audio, which {lost} need: {some_of(missing)}", partial)
    return keep


def subset(trials: Trials, keep: np.ndarray) -> Trials:
    """Some of the trials, by a mask (N,)."""
    return Trials(trials.ids, trials.enroll[keep], trials.test[keep], trials.is_target[keep])


def hold_out(args: argparse.Namespace, utts: dict[str, list[str]], gender: dict[str, str]) -> set[str]:
    """Utterances of dev that go into valid: whole videos of some speakers, or whole speakers, half of these women."""
    videos = {s: c_sorted({utt.rsplit("-", 1)[0] for utt in utts[s]}) for s in utts}
    rng, by_video, number = generator(args.seed, "valid"), args.valid_by == "video", args.valid_speakers
    able = [s for s in c_sorted(utts) if not by_video or len(videos[s]) > args.valid_videos]
    most = len(able) if by_video else len(able) - 1  # one is left to train on
    if not 2 <= number <= most:
        which = f"with more than {args.valid_videos} videos" if by_video else "besides one to train on"
        raise InputError(f"--valid_speakers {number}: dev has {most} {which}; give 2 to {most}, or 0 for no valid set")
    women, men = ([s for s in rng.permutation(able) if gender[s] == g] for g in "fm")
    half = min(len(women), max(number // 2, number - len(men)))
    chosen = women[:half] + men[: number - half]
    if not by_video:
        return {utt for s in chosen for utt in utts[s]}
    held = {video for s in chosen for video in rng.permutation(videos[s])[: args.valid_videos]}
    return {utt for s in chosen for utt in utts[s] if utt.rsplit("-", 1)[0] in held}


@dataclass(frozen=True)
class VoxCeleb:
    """VoxCeleb1 as it lies on disk.

    Attributes:
        wav: utterance -> file.
        utts: speaker -> utterances.
        meta: speaker -> gender and set.
        lists: folder of the trial lists.
    """

    wav: dict[str, Path]
    utts: dict[str, list[str]]
    meta: dict[str, dict[str, str]]
    lists: Path

    def of(self, part: str) -> dict[str, list[str]]:
        """Speaker -> utterances of dev or test."""
        return {speaker: ids for speaker, ids in self.utts.items() if self.meta[speaker]["set"] == part}

    def tested(self) -> list[str]:
        """The utterances of the test part."""
        return [utt for ids in self.of("test").values() for utt in ids]

    def gender(self) -> dict[str, str]:
        """Speaker -> m or f."""
        return {speaker: row["gender"] for speaker, row in self.meta.items()}


def write_utterances(path: Path, vox: VoxCeleb, utts: Iterable[str]) -> None:
    """Write a data dir of some utterances, without the trial lists of an earlier run."""
    remove_trials(path)
    write_speech(path, vox.wav, {utt: speaker_of(utt) for utt in utts}, spk2gender=vox.gender())


def remove_trials(path: Path) -> None:
    """Remove the trial lists of an earlier run."""
    for stale in path.glob("*trials*"):
        stale.unlink()


def write_test(args, name: str, vox: VoxCeleb, utts: Iterable[str], cleaned: bool = False) -> None:
    """A test set and its trial lists: of ``utts``, or, where these are none, of what its lists name.

    Args:
        cleaned: take the cleaned lists alone; all of them are needed.
    """
    trials, left_out, wav = {}, {}, vox.wav
    for (owner, table), (file, published) in LISTS.items():
        if owner != name or (cleaned and table.endswith("_original")):
            continue
        if path := find_list(vox.lists, file, needed=cleaned or table == "trials"):
            whole = official_trials(path, published, args.partial)
            keep = with_audio(whole, wav, path, args.partial)
            if not (whole.is_target & keep).any() or not (~whole.is_target & keep).any():
                incomplete(
                    f"{path}: the audio that is there leaves no target or no nontarget trials", table != "trials"
                )
                continue
            trials[table], left_out[table] = subset(whole, keep), subset(whole, ~keep)
    if not trials:
        return
    used = utts or {u for some in trials.values() for u in some.used_ids()}
    write_utterances(args.outdir / name, vox, used)
    for table, some in trials.items():
        write_trials(args.outdir / name / table, some)
        if len(left_out[table]):
            write_trials(args.outdir / name / f"left_out_{table}", left_out[table])
            print(f"warning: {name}: {len(left_out[table])} trials are in left_out_{table}", file=sys.stderr)


def read_corpus(partial: bool) -> VoxCeleb:
    """Find the audio and read the speakers; reports differences from the published ones."""
    root, lists = corpus("VOXCELEB1", VOXCELEB), corpus("VOXCELEB1_LISTS", VOXCELEB)
    wav, meta = find_audio(root), read_meta(find_list(lists, META, needed=True))
    utts = invert({utt: speaker_of(utt) for utt in wav})
    check_complete(root, utts, meta, partial)
    return VoxCeleb(wav, utts, meta, lists)


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    vox = read_corpus(args.partial)
    dev = vox.of("dev")
    held = hold_out(args, dev, vox.gender()) if args.valid_speakers else set()
    write_test(args, "voxceleb1_o", vox, vox.tested())
    write_test(args, "voxceleb1", vox, [])
    write_utterances(args.outdir / "train", vox, [u for ids in dev.values() for u in ids if u not in held])
    if held:
        write_utterances(args.outdir / "valid", vox, held)
    else:
        shutil.rmtree(args.outdir / "valid", ignore_errors=True)
    prepare(args)


if __name__ == "__main__":
    sys.exit(run(main))
