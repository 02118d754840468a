"""Stage 1 of Libri2Mix: plans of mixtures that have the published samples; enrolments; corpora with faults."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.libri2mix_corpora import (
    GENDERS,
    RATE,
    SPEAKERS,
    folders,
    format_sources,
    load_program,
    mixed,
    read_rows,
    write_corpora,
)
from scipy.signal import resample_poly

from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.simulate.plan import read_plan
from toolkit.simulate.render import render
from toolkit.simulate.sets import open_set

PARTS = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}
ALL = "--conditions mix_single mix_clean mix_both"
GRID = 1 / 32768


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def program():
    """egs/libri2mix/prepare_data.py."""
    return load_program()


@pytest.fixture
def prepare(program, corpora, monkeypatch):
    """Call it for a folder of sets."""

    def call(root, words: str = "", corpora=corpora, partial="--partial"):
        for variable, folder in folders(corpora).items():
            monkeypatch.setenv(variable, folder)
        program.main(f"{partial} --outdir {root}/data --dumpdir {root}/dump --workers 1 {words}".split())

    return call


@pytest.fixture
def spoiled(corpora, tmp_path):
    """A copy of the corpora that a test may spoil."""
    return shutil.copytree(corpora, tmp_path / "corpora")


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("fs", [8000, 16000])
def test_mixtures_are_those_of_libri2mix(prepare, corpora, tmp_path, fs, mode):
    """Half a step of 16 bits off what the description says before its rounding, and 24 bits of each source."""
    prepare(tmp_path, f"{ALL} --fs {fs} --mode {mode}")
    format_sources(tmp_path, fs)
    for name, part in PARTS.items():
        rows = {row["mixture_ID"]: row for row in read_rows(corpora, part)}
        for condition in ("mix_single", "mix_clean", "mix_both"):
            mixtures, audio, _ = open_set(tmp_path / f"data/{name}_{condition}{'_max' * (mode == 'max')}")
            assert list(mixtures) == list(rows)
            for key, mixture in mixtures.items():
                if "sp08" in rows[key]["noise_path"]:
                    continue  # has no file here
                theirs, ours = mixed(corpora, rows[key], fs, mode), render(mixture, audio)
                streams = {"wav": condition, "spk1": "s1", "spk2": "s2", "noise1": "noise"}
                for stream, samples in ours.items():
                    expected = np.clip(theirs[streams[stream]], -1, 1 - GRID)
                    assert len(samples) == len(expected)
                    assert np.abs(samples - expected).max() < 0.55 * GRID, (name, condition, key, stream)


def test_what_files_of_libri2mix_hold_is_a_step_away_at_most(prepare, corpora, tmp_path):
    """soundfile cuts off what is below 16 bits, we round."""
    prepare(tmp_path, "--conditions mix_both")
    format_sources(tmp_path, 8000)
    mixtures, audio, _ = open_set(tmp_path / "data/test_mix_both")
    for row in read_rows(corpora, "test-clean"):
        soundfile.write(tmp_path / "x.wav", mixed(corpora, row, 8000, "min")["mix_both"].astype(np.float32), 8000)
        theirs, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
        ours = np.round(render(mixtures[row["mixture_ID"]], audio)["wav"] * 32768).astype(int)
        assert np.abs(ours - theirs).max() <= 1


def test_a_noise_of_another_speed_is_made(prepare, corpora, tmp_path):
    """Where the corpus has no copy of it: as long, and of the lower pitch."""
    prepare(tmp_path, "--conditions mix_single --fs 16000")
    (row,) = (row for row in read_rows(corpora, "train-clean-100")[:4] if "sp08" in row["noise_path"])
    made, rate = soundfile.read(tmp_path / f"data/wham_train-100/audio/{row['mixture_ID']}.flac")
    noise, _ = soundfile.read(corpora / "wham_noise" / row["noise_path"].replace("sp08", ""))
    slow = resample_poly(noise[:, 0], 5, 4)[: len(made)]
    assert rate == RATE
    middle = slice(500, min(len(slow), len(made)) - 8500)
    assert np.corrcoef(made[middle], slow[middle])[0, 1] > 0.98  # resamplers differ at the top of the band


def test_sets_and_facts(prepare, corpora, tmp_path):
    prepare(tmp_path, ALL)
    data = DataDir(tmp_path / "data/test_mix_both")
    row = read_rows(corpora, "test-clean")[1]
    key = row["mixture_ID"]
    talkers = [row[f"source_{n}_path"].split("/")[1] for n in (1, 2)]
    assert [data.table("utt2spk")[key], data.table("utt2interferer")[key]] == talkers
    assert data.table("utt2interferer_gender")[key] == GENDERS[talkers[1]].lower()
    assert data.table("spk2gender")[talkers[0]] == GENDERS[talkers[0]].lower()
    parts = mixed(corpora, row, RATE, "min")
    decibels = {name: 10 * np.log10(np.mean(parts[name] ** 2)) for name in ("s1", "s2", "noise")}
    assert float(data.table("utt2sir")[key]) == pytest.approx(decibels["s1"] - decibels["s2"], abs=0.06)
    assert float(data.table("utt2snr")[key]) == pytest.approx(decibels["s1"] - decibels["noise"], abs=0.06)
    assert set(data.table("utt2noise").values()) == {"wham"}
    clean = DataDir(tmp_path / "data/test_mix_clean")
    assert (set(clean.table("utt2noise").values()), "utt2snr" in clean) == ({"clean"}, False)
    assert "utt2interferer" not in DataDir(tmp_path / "data/test_mix_single")
    assert "utt2sir" not in DataDir(tmp_path / "data/train_mix_both")
    assert set(read_table(tmp_path / "data/librispeech_dev/utt2spk").values()) == set(SPEAKERS["dev-clean"])


def test_enrolments_are_fixed_in_tests_and_left_to_training(prepare, tmp_path):
    prepare(tmp_path, ALL)
    chosen = {}
    for condition in ("mix_single", "mix_clean", "mix_both"):
        for mixture in read_plan(tmp_path / f"data/test_{condition}/mix.jsonl"):
            enrolment, target = mixture.facts["enroll"], mixture.sources[0].utt
            assert enrolment != target
            assert enrolment.split("-")[0] == target.split("-")[0] == mixture.speaker
            assert chosen.setdefault(mixture.id, enrolment) == enrolment  # one for all conditions
    prepare(tmp_path / "again", "--seed 1")
    plan = read_plan(tmp_path / "again/data/test_mix_clean/mix.jsonl")
    assert any(mixture.facts["enroll"] != chosen[mixture.id] for mixture in plan)
    drawn = read_table(tmp_path / "data/train_mix_clean/enroll_spk1.scp")
    for mixture in read_plan(tmp_path / "data/train_mix_clean/mix.jsonl"):
        assert drawn[mixture.id] == f"*{mixture.sources[0].utt} {mixture.speaker}"
        assert "enroll" not in mixture.facts


def test_each_talker_can_be_the_target(prepare, corpora, tmp_path):
    prepare(tmp_path, "--both_targets train")
    plan = list(read_plan(tmp_path / "data/train_mix_clean_x2/mix.jsonl"))
    assert len({mixture.id for mixture in plan}) == len(plan) == 12
    assert all(mixture.id.startswith(mixture.speaker + "-") for mixture in plan)
    both = {mixture.id: mixture for mixture in plan}
    for row in read_rows(corpora, "train-clean-100"):
        one, two = both[row["mixture_ID"]], both[f"{row['mixture_ID'].split('_')[1]}_in_{row['mixture_ID']}"]
        assert [source.utt for source in one.sources] == [source.utt for source in two.sources][::-1]
        assert [source.gain for source in one.sources] == [float(row[f"source_{n}_gain"]) for n in (1, 2)]
        assert [source.gain for source in two.sources] == [float(row[f"source_{n}_gain"]) for n in (2, 1)]
    assert not (tmp_path / "data/dev_mix_clean_x2").exists()


def test_a_test_of_each_talker_has_both_in_its_mean(prepare, tmp_path):
    """Each with its own enrolment; SI-SDR of a mixture is as far below 0 for one talker as above for the other."""
    prepare(tmp_path, "--both_targets test")
    format_sources(tmp_path, 8000)
    mixtures, audio, _ = open_set(tmp_path / "data/test_mix_clean_x2")
    streams = [render(mixture, audio) for mixture in mixtures.values()]
    assert len(mixtures) == 12
    assert np.mean([si_sdr(one["wav"], one["spk1"]) for one in streams]) == pytest.approx(0, abs=0.05)
    for mixture in mixtures.values():
        assert mixture.facts["enroll"].split("-")[0] == mixture.speaker == mixture.sources[0].utt.split("-")[0]
        assert mixture.facts["enroll"] != mixture.sources[0].utt


@pytest.mark.parametrize("fs", [8000, 16000])
def test_the_official_test_is_as_its_metadata_says(prepare, spoiled, tmp_path, fs):
    """Both talkers of every mixture, whatever the other options are; files of another format serve as well."""
    file = spoiled / "LibriSpeech" / read_rows(spoiled, "test-clean")[0]["source_1_path"]
    samples, _ = soundfile.read(file)
    soundfile.write(file.with_suffix(".wav"), samples, RATE)
    file.unlink()
    prepare(tmp_path, f"--parts test_libri2mix --mode max --fs {fs}", corpora=spoiled, partial="")
    format_sources(tmp_path, fs)
    assert [path.name for path in (tmp_path / "data").iterdir() if "librispeech" not in path.name] == ["test_libri2mix"]
    mixtures, audio, _ = open_set(tmp_path / "data/test_libri2mix")
    assert len(mixtures) == 12
    file.with_suffix(".wav").rename(file)  # soundfile reads what the file is
    for row in read_rows(spoiled, "test-clean"):
        parts, utts = mixed(spoiled, row, fs, "min"), row["mixture_ID"].split("_")
        for target, key in enumerate((row["mixture_ID"], f"{utts[1]}_in_{row['mixture_ID']}")):
            streams, mixture = render(mixtures[key], audio), mixtures[key]
            for stream, name in (("wav", "mix_clean"), ("spk1", f"s{1 + target}"), ("spk2", f"s{2 - target}")):
                expected = np.clip(parts[name], -1, 1 - GRID)
                assert len(streams[stream]) == len(expected)
                assert np.abs(streams[stream] - expected).max() < 0.55 * GRID
            assert mixture.speaker == utts[target].split("-")[0] == mixture.facts["enroll"].split("-")[0]
            assert mixture.facts["enroll"] != utts[target]


def test_enrolments_by_a_list(prepare, corpora, tmp_path):
    """Of LibriSpeech, and of sources of other mixtures, which are as long and as loud as in their files."""
    rows, lines, expected = read_rows(corpora, "test-clean"), [], {}
    for number, row in enumerate(rows):
        speaker, target = row["source_1_path"].split("/")[1], row["source_1_path"].split("/")[-1][:-5]
        key, others = row["mixture_ID"], [one for one in rows if one["source_2_path"].split("/")[1] == speaker]
        others = [one for one in others if target not in one["source_2_path"]]
        if number % 2 and others:
            lines.append(f"s1/{key}.wav\t/there/wav8k/min/test/s2/{others[0]['mixture_ID']}.wav")
            expected[key] = others[0]
        else:
            mine = sorted((corpora / "LibriSpeech/test-clean" / speaker).rglob("*.flac"))
            other = next(path for path in mine if path.stem != target)
            lines.append(f"{key}\t/elsewhere/LibriSpeech/{other.relative_to(corpora / 'LibriSpeech')}")
            expected[key] = other.stem
    assert any(isinstance(value, dict) for value in expected.values())
    (tmp_path / "test.lst").write_text("\n".join(lines) + "\n")
    prepare(tmp_path, f"--enroll_lists test={tmp_path}/test.lst")
    wav = read_table(tmp_path / "data/librispeech_test/wav.scp")
    for mixture in read_plan(tmp_path / "data/test_mix_clean/mix.jsonl"):
        chosen, value = mixture.facts["enroll"], expected[mixture.id]
        if isinstance(value, str):
            assert chosen == value
        else:
            samples, _ = soundfile.read(wav[chosen])
            np.testing.assert_allclose(samples, mixed(corpora, value, RATE, "min")["s2"], atol=GRID / 256)


def test_enrolments_of_training_by_a_list(prepare, corpora, tmp_path):
    lines, expected = [], {}
    for row in read_rows(corpora, "train-clean-100"):
        for talker in (1, 2):
            file, key = Path(row[f"source_{talker}_path"]), row["mixture_ID"]
            mine = sorted((corpora / "LibriSpeech" / file.parents[1]).rglob("*.flac"))
            other = next(path for path in mine if path.name != file.name)
            lines.append(f"s{talker}/{key}.wav {other.relative_to(corpora)}")
            expected[key if talker == 1 else f"{file.stem}_in_{key}"] = other.stem
    lines.append("mixture-of-another-set train-clean-100/1/2/1-2-3.flac")
    (tmp_path / "tr.lst").write_text("\n".join(lines) + "\n")
    prepare(tmp_path, f"--both_targets train --enroll_lists train={tmp_path}/tr.lst")
    plan = read_plan(tmp_path / "data/train_mix_clean_x2/mix.jsonl")
    assert {mixture.id: mixture.facts["enroll"] for mixture in plan} == expected
    assert not (tmp_path / "data/train_mix_clean_x2/enroll_spk1.scp").exists()


def test_stage_1_again_leaves_what_it_made(prepare, tmp_path):
    words = "--conditions mix_both"
    prepare(tmp_path, words)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/wham_*/audio/*")}
    assert len(before) > 8
    prepare(tmp_path, words)
    assert {path: path.stat().st_mtime_ns for path in before} == before


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
def test_what_is_wrong_is_named(prepare, spoiled, tmp_path, spoil, words, message):
    spoil(spoiled)
    with pytest.raises(InputError, match=re.escape(message)):
        prepare(tmp_path / "out", words.format(spoiled), corpora=spoiled)


def test_two_talkers_need_no_noises(prepare, spoiled, tmp_path):
    shutil.rmtree(spoiled / "wham_noise")
    (spoiled / "LibriSpeech/SPEAKERS.TXT").unlink()
    prepare(tmp_path, corpora=spoiled)
    assert not list(tmp_path.glob("data/wham_*"))
    assert not (tmp_path / "data/test_mix_clean/spk2gender").exists()
    assert len(read_table(tmp_path / "data/train_mix_clean/utt2spk")) == 6


def test_missing_files_are_counted_and_named(prepare, spoiled, tmp_path, capsys):
    rows = read_rows(spoiled, "test-clean")
    (spoiled / "LibriSpeech" / rows[0]["source_2_path"]).unlink()
    (spoiled / "wham_noise" / rows[0]["noise_path"]).unlink()
    prepare(tmp_path, "--conditions mix_both", corpora=spoiled)
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
        prepare(tmp_path / "whole", corpora=spoiled, partial="")


def test_files_are_made_by_several_processes(program):
    assert program.mapped(abs, range(-150, 0), 2, "numbers") == list(range(150, 0, -1))
