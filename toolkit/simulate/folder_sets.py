"""Data dirs from folders of audio: speakers and recordings are divided among sets by seed."""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.datadir import c_sorted, invert, write_table
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.files import misfit, read_json, read_text
from toolkit.io.folders import (
    Speech,
    audio_files,
    cut_recordings,
    own_trials,
    passed_over,
    read_speech,
    recording_ids,
    rooms_of,
)
from toolkit.io.trials import Trials, write_trials
from toolkit.simulate.plan import generator

_FOLDERS = ("speech", "test_speech", "noise", "music", "rooms")
_PATHS = (*_FOLDERS, "trials")
_SETS = {"train", "valid", "test", "noise_train", "noise_test", "music_train", "music_test", "rirs_train"}
_LABELS = {"transcripts": ("text", ".txt", "words"), "intents": ("utt2intent", ".intent", "slots")}  # by option
_EXAMPLE = './run.sh --local_data_opts "--speech /my/speech --noise /my/noise"'


def options_of(parser: argparse.ArgumentParser, argv: list[str] | None) -> tuple[argparse.Namespace, dict]:
    """The checked options, and the options to save. Precedence: command line, saved options, defaults."""
    args = parser.parse_args(argv)
    if args.speech is None:
        memory = _remembered(args.outdir)
        if not memory:
            raise InputError(f"--speech is missing; {_EXAMPLE}")
        args = parser.parse_args(argv, argparse.Namespace(**memory["options"]))
        print(f"using the saved options of the last run ({args.outdir}/prepare_folder.json)")
    options = {key: value for key, value in vars(args).items() if key not in ("outdir", "need_noise")}
    if args.need_noise and not args.noise:
        raise InputError(f"--noise is missing: mixtures are made of speech and noise; {_EXAMPLE}")
    for name in _PATHS:
        if words := getattr(args, name):
            setattr(args, name, Path(" ".join(words)).expanduser())
    if args.trials and args.segment_seconds:
        raise InputError(
            "--trials and --segment_seconds: trials name whole recordings, which would be cut; give one of the two"
        )
    for name in _LABELS:
        if getattr(args, name) and args.segment_seconds:
            raise InputError(
                f"--{name} and --segment_seconds: {name} are of whole recordings, which would be cut; give "
                "one of the two"
            )
    _check_apart({f"--{name}": getattr(args, name) for name in _FOLDERS if getattr(args, name)})
    return args, options


def missing_folders(words: Sequence[str]) -> list[str]:
    """``--speech /my/speech`` of each folder that options of local/data.sh name and that is not there."""
    values: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            values[name] = [value] if equals else []
        elif values:
            values[[*values][-1]].append(word)
    folders = {name: " ".join(values[name]) for name in _FOLDERS if values.get(name)}
    return [f"--{name} {path}" for name, path in folders.items() if not Path(path).expanduser().is_dir()]


def _remembered(outdir: Path) -> dict:
    """Options and sets of the last run; empty if there was none."""
    path = outdir / "prepare_folder.json"
    if not path.is_file():
        return {}
    memory, remedy = read_json(path), f"remove it and give all options again; {_EXAMPLE}"
    paths = {f"{name}?": ([str], None) for name in _PATHS}
    numbers = {"segment_seconds?": (float, None), "allow_bad?": int, "valid_share?": float, "test_share?": float}
    labels = {f"{name}?": bool for name in _LABELS}
    if fault := misfit(memory, {"options": {**paths, **numbers, "seed?": int, **labels}, "sets": [str]}):
        raise InputError(f"{path}: {fault}; {remedy}")
    return memory


def _check_apart(folders: dict[str, Path]) -> None:
    """Raise InputError if one folder equals another or is inside it: its audio would be used for both."""
    for option, path in folders.items():
        for other, holder in folders.items():
            if option != other and holder.resolve() in (path.resolve(), *path.resolve().parents):
                raise InputError(
                    f"{option} {path}: is inside {other} {holder}, so its audio would be used for both; move it"
                )


def share_out(names: list[str], shares: dict[str, float], least: int, seed: int, fit=None) -> dict[str, list[str]]:
    """Set -> its names, random by seed: ``shares`` of all names, at least ``least``; ``train`` gets the rest.

    Args:
        fit: names that may be in other sets than ``train``; default: all.
    """
    order = generator(seed, "share out").permutation(c_sorted(names)).tolist()
    sets = {}
    for part, share in shares.items():
        able = [name for name in order if fit is None or name in fit]
        chosen = sets[part] = able[: max(least, round(share * len(names)))]
        order = [name for name in order if name not in set(chosen)]
    for part, chosen in {**sets, "train": order}.items():
        if len(chosen) < least:
            raise InputError(_too_few(part, len(chosen), len(names), shares, least, len(fit or names)))
    return {"train": order, **sets}


def _too_few(part: str, count: int, total: int, shares: dict[str, float], least: int, able: int) -> str:
    """The error message for a set with too few names; suggests a smaller share of the largest other set."""
    message = f"{count} left for {part}, which needs {least}"
    largest = max((name for name in shares if name != part), key=shares.__getitem__, default=None)
    others = sum(max(least, round(share * total)) for name, share in shares.items() if name != largest)
    spare = min(total - least, able) - others
    if largest and least <= spare < round(shares[largest] * total):
        return f"{message}; give --{largest}_share {int(100 * spare / total) / 100:g} or less"
    need = least * (1 + len(shares))
    return f"{message}: {' and '.join(['train', *shares])} need {need} in all, there are {total}"


def speech_sets(args: argparse.Namespace) -> tuple[dict[str, Speech], Trials | None]:
    """The sets train, valid and test, and the user's trials of test, if any."""
    speech = read_speech(args.speech)
    tests = read_speech(args.test_speech) if args.test_speech else speech
    if args.test_speech and (both := set(speech.speakers()) & set(tests.speakers())):
        raise InputError(
            f"--test_speech: --speech has the same speakers: {some_of(c_sorted(both))}; remove them from one of the two"
        )
    if args.segment_seconds:
        speech = cut_recordings(speech, args.segment_seconds, args.allow_bad)
        tests = cut_recordings(tests, args.segment_seconds, args.allow_bad) if args.test_speech else speech
    sets, shares, trials = {}, {"valid": args.valid_share}, None
    if args.trials:
        trials = own_trials(args.trials, tests)
        sets["test"] = tests.of(utts=set(trials.used_ids()))
        speech = speech.of(speakers=set(speech.speakers()) - set(sets["test"].speakers()))
    elif args.test_speech:
        sets["test"] = tests
    else:
        shares["test"] = args.test_share
    several = {speaker for speaker, utts in invert(speech.utt2spk).items() if len(utts) > 1}
    try:
        shared = share_out(speech.speakers(), shares, 2, args.seed, several)
    except InputError as error:
        remedy = "" if args.segment_seconds else " Long recordings can be cut: --segment_seconds 4."
        if folders := [
            path.name for path in Path(args.speech).iterdir() if len(speech.speakers()) < 3 and path.is_dir()
        ]:
            remedy += (
                f" Each folder directly below --speech is a speaker: {some_of(folders, 3)}; is --speech one too high?"
            )
        raise InputError(
            f"{args.speech}: {len(speech.speakers())} speakers, {len(several)} of them with two utterances or more, as "
            f"valid and test need them: {error}.{remedy}"
        ) from None
    return sets | {part: speech.of(speakers=set(names)) for part, names in shared.items()}, trials


def write_set(path: Path, speech: Speech) -> None:
    """Write wav.scp, utt2spk, spk2utt; for cut recordings also segments and utt2session (the recording)."""
    write_table(path / "wav.scp", speech.wav)
    write_table(path / "utt2spk", speech.utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(utts) for spk, utts in invert(speech.utt2spk).items()})
    if speech.segments:
        write_table(path / "segments", speech.segments)
        write_table(path / "utt2session", {utt: speech.recording_of(utt) for utt in speech.utt2spk})
    else:
        for former in ("segments", "utt2session"):
            (path / former).unlink(missing_ok=True)


def labels_beside(wav: dict[str, Path], suffix: str, what: str) -> dict[str, str]:
    """Recording -> the text in the file of the same name and this suffix beside it.

    Raises:
        InputError: such a file is missing or has no ``what`` (``words``); counts and names them.
    """
    text = {}
    for key, path in wav.items():
        beside = path.with_suffix(suffix)
        text[key] = " ".join(read_text(beside).split()) if beside.is_file() else ""
    if without := [str(wav[key]) for key, label in text.items() if not label]:
        raise InputError(
            f"{counted(len(without), 'recording')} without {what} in a {suffix} beside it: {some_of(without)}; write "
            "them, or move the recordings away"
        )
    return text


def write_speech(
    args: argparse.Namespace, sets: dict[str, Speech], trials: Trials | None, labels: dict[str, dict[str, str]]
) -> None:
    """Write train, valid and test; ``labels``: table -> label of each recording."""
    for name, speech in sets.items():
        write_set(args.outdir / name, speech)
        former = ("trials", "enroll2utt", *(table for table, *_ in _LABELS.values()))  # may be of other utterances
        for table in former:
            (args.outdir / name / table).unlink(missing_ok=True)
        for table, rows in labels.items():
            write_table(args.outdir / name / table, {utt: rows[utt] for utt in speech.utt2spk})
        cut = f" cut from {len(speech.wav)} recordings" if speech.segments else ""
        print(f"{args.outdir / name}: {len(speech.utt2spk)} utterances{cut}, {len(speech.speakers())} speakers")
        single_recording = [speaker for speaker, count in speech.recordings().items() if count == 1]
        if name != "train" and speech.segments and single_recording:
            print(
                f"note: {len(single_recording)} of these speakers have one recording: "
                "their target trials are within one session"
            )
    if trials:
        write_trials(args.outdir / "test/trials", trials)


def sound_sets(args: argparse.Namespace, kind: str) -> dict[str, Speech]:
    """The sets of noise, music or rooms, if a folder is given."""
    folder = getattr(args, kind)
    if folder is None:
        return {}
    files = audio_files(folder)
    wav = recording_ids(files)
    shared, source = {"rirs_train": list(wav)}, dict(zip(wav, wav, strict=True))
    if kind == "rooms":
        source = rooms_of(files)
    else:
        try:
            parts = share_out(list(wav), {"test": args.test_share}, 1, args.seed)
        except InputError as error:
            raise InputError(
                f"{folder}: {counted(len(wav), 'recording')}: {error}; add recordings, or cut a long one"
            ) from None
        shared = {f"{kind}_{part}": keys for part, keys in parts.items()}
    return {name: Speech({k: wav[k] for k in keys}, {k: source[k] for k in keys}) for name, keys in shared.items()}


def write_sets(args: argparse.Namespace, options: dict) -> None:
    """Write all sets and save the options; remove sets of the last run that no longer exist."""
    before = _SETS.intersection(_remembered(args.outdir).get("sets", []))
    speech, trials = speech_sets(args)  # read everything before writing
    wav = {k: v for one in speech.values() for k, v in one.wav.items()}
    chosen = [_LABELS[name] for name in _LABELS if getattr(args, name)]
    labels = {table: labels_beside(wav, suffix, what) for table, suffix, what in chosen}
    sounds = {
        name: sound_set for kind in ("noise", "music", "rooms") for name, sound_set in sound_sets(args, kind).items()
    }
    write_speech(args, speech, trials, labels)
    for name, sound_set in sounds.items():
        write_set(args.outdir / name, sound_set)
        print(f"{args.outdir / name}: {counted(len(sound_set.wav), 'recording')}")
    sets = [*speech, *sounds]
    for name in before - set(sets):
        shutil.rmtree(args.outdir / name, ignore_errors=True)
    for name in _FOLDERS:
        if getattr(args, name) and (others := passed_over(getattr(args, name), *(suffix for _, suffix, _ in chosen))):
            print(f"note: not read as audio in {getattr(args, name)}: {others}")
    with replacing(args.outdir / "prepare_folder.json") as handle:
        json.dump({"options": options, "sets": sets}, handle, indent=1)
