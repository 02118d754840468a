"""Enrolments of Libri2Mix by lists and in training; what is wrong with its files is named."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.libri2mix_corpora import (
    ALL,
    GRID,
    RATE,
    mixed,
    read_rows,
)

from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import read_plan


def test_enrolments_are_fixed_in_tests_and_left_to_training(prepare_libri2mix, tmp_path):
    prepare_libri2mix(tmp_path, ALL)
    chosen = {}
    for condition in ("mix_single", "mix_clean", "mix_both"):
        for mixture in read_plan(tmp_path / f"data/test_{condition}/mix.jsonl"):
            enrolment, target = mixture.facts["enroll"], mixture.sources[0].utt
            assert enrolment != target
            assert enrolment.split("-")[0] == target.split("-")[0] == mixture.speaker
            assert chosen.setdefault(mixture.id, enrolment) == enrolment  # one for all conditions
    prepare_libri2mix(tmp_path / "again", "--seed 1")
    plan = read_plan(tmp_path / "again/data/test_mix_clean/mix.jsonl")
    assert any(mixture.facts["enroll"] != chosen[mixture.id] for mixture in plan)
    drawn = read_table(tmp_path / "data/train_mix_clean/enroll_spk1.scp")
    for mixture in read_plan(tmp_path / "data/train_mix_clean/mix.jsonl"):
        assert drawn[mixture.id] == f"*{mixture.sources[0].utt} {mixture.speaker}"
        assert "enroll" not in mixture.facts


def test_enrolments_by_a_list(prepare_libri2mix, libri2mix_corpora, tmp_path):
    """Of LibriSpeech, and of sources of other mixtures, which are as long and as loud as in their files."""
    rows, lines, expected = read_rows(libri2mix_corpora, "test-clean"), [], {}
    for number, row in enumerate(rows):
        speaker, target = row["source_1_path"].split("/")[1], row["source_1_path"].split("/")[-1][:-5]
        key, others = row["mixture_ID"], [one for one in rows if one["source_2_path"].split("/")[1] == speaker]
        others = [one for one in others if target not in one["source_2_path"]]
        if number % 2 and others:
            lines.append(f"s1/{key}.wav\t/there/wav8k/min/test/s2/{others[0]['mixture_ID']}.wav")
            expected[key] = others[0]
        else:
            mine = sorted((libri2mix_corpora / "LibriSpeech/test-clean" / speaker).rglob("*.flac"))
            other = next(path for path in mine if path.stem != target)
            lines.append(f"{key}\t/elsewhere/LibriSpeech/{other.relative_to(libri2mix_corpora / 'LibriSpeech')}")
            expected[key] = other.stem
    assert any(isinstance(value, dict) for value in expected.values())
    (tmp_path / "test.lst").write_text("\n".join(lines) + "\n")
    prepare_libri2mix(tmp_path, f"--enroll_lists test={tmp_path}/test.lst")
    wav = read_table(tmp_path / "data/librispeech_test/wav.scp")
    for mixture in read_plan(tmp_path / "data/test_mix_clean/mix.jsonl"):
        chosen, value = mixture.facts["enroll"], expected[mixture.id]
        if isinstance(value, str):
            assert chosen == value
        else:
            samples, _ = soundfile.read(wav[chosen])
            np.testing.assert_allclose(samples, mixed(libri2mix_corpora, value, RATE, "min")["s2"], atol=GRID / 256)


def test_enrolments_of_training_by_a_list(prepare_libri2mix, libri2mix_corpora, tmp_path):
    lines, expected = [], {}
    for row in read_rows(libri2mix_corpora, "train-clean-100"):
        for talker in (1, 2):
            file, key = Path(row[f"source_{talker}_path"]), row["mixture_ID"]
            mine = sorted((libri2mix_corpora / "LibriSpeech" / file.parents[1]).rglob("*.flac"))
            other = next(path for path in mine if path.name != file.name)
            lines.append(f"s{talker}/{key}.wav {other.relative_to(libri2mix_corpora)}")
            expected[key if talker == 1 else f"{file.stem}_in_{key}"] = other.stem
    lines.append("mixture-of-another-set train-clean-100/1/2/1-2-3.flac")
    (tmp_path / "tr.lst").write_text("\n".join(lines) + "\n")
    prepare_libri2mix(tmp_path, f"--both_targets train --enroll_lists train={tmp_path}/tr.lst")
    plan = read_plan(tmp_path / "data/train_mix_clean_x2/mix.jsonl")
    assert {mixture.id: mixture.facts["enroll"] for mixture in plan} == expected
    assert not (tmp_path / "data/train_mix_clean_x2/enroll_spk1.scp").exists()


CSV = "LibriMix/metadata/Libri2Mix/libri2mix_train-clean-100.csv"


def rewrite(root, old: str, new: str) -> None:
    text = (root / CSV).read_text()
    assert old in text
    (root / CSV).write_text(text.replace(old, new, 1))


def list_of(root, line: str) -> None:
    (root / "bad.lst").write_text(line + "\n")


LISTED = "--enroll_lists dev={}/bad.lst"
FIRST = "84-120-0000_1272-121-0001"


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (lambda root: (root / CSV).unlink(), "", "is LIBRI2MIX_METADATA the folder metadata/Libri2Mix"),
        (
            lambda root: rewrite(root, "source_2_gain", "gain"),
            "",
            "csv: has no column source_2_gain",
        ),
        (lambda root: rewrite(root, "26-120-0000_", "x y"), "", "csv:2: expected a new mixture_ID"),
        (lambda root: shutil.rmtree(root / "LibriSpeech"), "", "no such folder; get it from openslr.org/12"),
        (lambda root: shutil.rmtree(root / "wham_noise"), "--conditions mix_both", "get it from wham.whisper.ai"),
        (lambda root: shutil.rmtree(root / "LibriSpeech/dev-clean"), "", "no mixture has its audio"),
        (lambda root: (root / "LibriSpeech/SPEAKERS.TXT").write_text("84 | X |\n"), "", "SPEAKERS.TXT:1: expected"),
        (
            lambda root: (root / CSV.replace("train-clean-100", "test-clean")).unlink(),
            "--parts test_libri2mix",
            "libri2mix_test-clean.csv: file not found; must be lines of libri2mix_test-clean.csv, from github JorisCos",
        ),
        (lambda root: None, "--enroll_lists tr=x", "must be train=FILE, dev=FILE or test=FILE"),
        (lambda root: None, "--enroll_lists dev=x", "x: no such file (--enroll_lists)"),
        (lambda root: list_of(root, FIRST), LISTED, "bad.lst:1: expected '<mixture> <path>'"),
        (lambda root: list_of(root, f"{FIRST} a.flac"), LISTED, "bad.lst:1: a.flac: must end in"),
        (lambda root: list_of(root, f"{FIRST} s1/a_b.wav"), LISTED, "bad.lst:1: s1/a_b.wav: no such mixture"),
        (
            lambda root: list_of(root, f"{FIRST} dev-clean/84/120/84-120-0000.flac"),
            LISTED,
            "84-120-0000 cannot enrol 84-120-0000",
        ),
        (
            lambda root: list_of(root, f"{FIRST} dev-clean/84/121/84-121-0001.flac"),
            LISTED,
            "lacks the enrolments of 5 mixtures",
        ),
    ],
)
def test_what_is_wrong_is_named(prepare_libri2mix, spoiled_libri2mix, tmp_path, spoil, words, message):
    spoil(spoiled_libri2mix)
    with pytest.raises(InputError, match=re.escape(message)):
        prepare_libri2mix(tmp_path / "out", words.format(spoiled_libri2mix), corpora=spoiled_libri2mix)


def test_two_talkers_need_no_noises(prepare_libri2mix, spoiled_libri2mix, tmp_path):
    shutil.rmtree(spoiled_libri2mix / "wham_noise")
    (spoiled_libri2mix / "LibriSpeech/SPEAKERS.TXT").unlink()
    prepare_libri2mix(tmp_path, corpora=spoiled_libri2mix)
    assert not list(tmp_path.glob("data/wham_*"))
    assert not (tmp_path / "data/test_mix_clean/spk2gender").exists()
    assert len(read_table(tmp_path / "data/train_mix_clean/utt2spk")) == 6


def test_missing_files_are_counted_and_named(prepare_libri2mix, spoiled_libri2mix, tmp_path, capsys):
    rows = read_rows(spoiled_libri2mix, "test-clean")
    (spoiled_libri2mix / "LibriSpeech" / rows[0]["source_2_path"]).unlink()
    (spoiled_libri2mix / "wham_noise" / rows[0]["noise_path"]).unlink()
    prepare_libri2mix(tmp_path, "--conditions mix_both", corpora=spoiled_libri2mix)
    message = capsys.readouterr().err
    kept = set(read_table(tmp_path / "data/test_mix_both/utt2spk"))
    gone = {rows[0][name] for name in ("source_2_path", "noise_path")}
    lost = {r["mixture_ID"] for r in rows if gone & {r["source_1_path"], r["source_2_path"], r["noise_path"]}}
    (alone,) = {row["mixture_ID"] for row in rows} - lost - kept
    assert f"1 targets have no other utterance to enrol their speaker: {alone.split('_')[0]}" in message
    assert f"libri2mix_test-clean.csv: 2 audio files are missing, which {len(lost)} of 6 mixtures need: " in message
    assert rows[0]["source_2_path"] in message
    assert "6 mixtures, published are 3000" in message
    with pytest.raises(InputError, match="13900; get what is missing, or use what is there"):
        prepare_libri2mix(tmp_path / "whole", corpora=spoiled_libri2mix, partial="")
