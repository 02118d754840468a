"""Stage 1 of Libri2Mix: plans of mixtures that have the published samples, sets, talkers, the official test."""

import numpy as np
import pytest
import soundfile
from helpers.libri2mix_corpora import (
    ALL,
    GENDERS,
    GRID,
    RATE,
    SPEAKERS,
    format_sources,
    mixed,
    read_rows,
)
from scipy.signal import resample_poly

from toolkit.io.datadir import DataDir, read_table
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.simulate.plan import read_plan
from toolkit.simulate.render import render
from toolkit.simulate.sets import open_set

PARTS = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("fs", [8000, 16000])
def test_mixtures_are_those_of_libri2mix(prepare_libri2mix, libri2mix_corpora, tmp_path, fs, mode):
    """Half a step of 16 bits off what the description says before its rounding, and 24 bits of each source."""
    prepare_libri2mix(tmp_path, f"{ALL} --fs {fs} --mode {mode}")
    format_sources(tmp_path, fs)
    for name, part in PARTS.items():
        rows = {row["mixture_ID"]: row for row in read_rows(libri2mix_corpora, part)}
        for condition in ("mix_single", "mix_clean", "mix_both"):
            mixtures, audio, _ = open_set(tmp_path / f"data/{name}_{condition}{'_max' * (mode == 'max')}")
            assert list(mixtures) == list(rows)
            for key, mixture in mixtures.items():
                if "sp08" in rows[key]["noise_path"]:
                    continue  # has no file here
                theirs, ours = mixed(libri2mix_corpora, rows[key], fs, mode), render(mixture, audio)
                streams = {"wav": condition, "spk1": "s1", "spk2": "s2", "noise1": "noise"}
                for stream, samples in ours.items():
                    expected = np.clip(theirs[streams[stream]], -1, 1 - GRID)
                    assert len(samples) == len(expected)
                    assert np.abs(samples - expected).max() < 0.55 * GRID, (name, condition, key, stream)


def test_what_files_of_libri2mix_hold_is_a_step_away_at_most(prepare_libri2mix, libri2mix_corpora, tmp_path):
    """soundfile cuts off what is below 16 bits, we round."""
    prepare_libri2mix(tmp_path, "--conditions mix_both")
    format_sources(tmp_path, 8000)
    mixtures, audio, _ = open_set(tmp_path / "data/test_mix_both")
    for row in read_rows(libri2mix_corpora, "test-clean"):
        soundfile.write(
            tmp_path / "x.wav", mixed(libri2mix_corpora, row, 8000, "min")["mix_both"].astype(np.float32), 8000
        )
        theirs, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
        ours = np.round(render(mixtures[row["mixture_ID"]], audio)["wav"] * 32768).astype(int)
        assert np.abs(ours - theirs).max() <= 1


def test_a_noise_of_another_speed_is_made(prepare_libri2mix, libri2mix_corpora, tmp_path):
    """Where the corpus has no copy of it: as long, and of the lower pitch."""
    prepare_libri2mix(tmp_path, "--conditions mix_single --fs 16000")
    (row,) = (row for row in read_rows(libri2mix_corpora, "train-clean-100")[:4] if "sp08" in row["noise_path"])
    made, rate = soundfile.read(tmp_path / f"data/wham_train-100/audio/{row['mixture_ID']}.flac")
    noise, _ = soundfile.read(libri2mix_corpora / "wham_noise" / row["noise_path"].replace("sp08", ""))
    slow = resample_poly(noise[:, 0], 5, 4)[: len(made)]
    assert rate == RATE
    middle = slice(500, min(len(slow), len(made)) - 8500)
    assert np.corrcoef(made[middle], slow[middle])[0, 1] > 0.98  # resamplers differ at the top of the band


def test_sets_and_facts(prepare_libri2mix, libri2mix_corpora, tmp_path):
    prepare_libri2mix(tmp_path, ALL)
    data = DataDir(tmp_path / "data/test_mix_both")
    row = read_rows(libri2mix_corpora, "test-clean")[1]
    key = row["mixture_ID"]
    talkers = [row[f"source_{n}_path"].split("/")[1] for n in (1, 2)]
    assert [data.table("utt2spk")[key], data.table("utt2interferer")[key]] == talkers
    assert data.table("utt2interferer_gender")[key] == GENDERS[talkers[1]].lower()
    assert data.table("spk2gender")[talkers[0]] == GENDERS[talkers[0]].lower()
    parts = mixed(libri2mix_corpora, row, RATE, "min")
    decibels = {name: 10 * np.log10(np.mean(parts[name] ** 2)) for name in ("s1", "s2", "noise")}
    assert float(data.table("utt2sir")[key]) == pytest.approx(decibels["s1"] - decibels["s2"], abs=0.06)
    assert float(data.table("utt2snr")[key]) == pytest.approx(decibels["s1"] - decibels["noise"], abs=0.06)
    assert set(data.table("utt2noise").values()) == {"wham"}
    clean = DataDir(tmp_path / "data/test_mix_clean")
    assert (set(clean.table("utt2noise").values()), "utt2snr" in clean) == ({"clean"}, False)
    assert "utt2interferer" not in DataDir(tmp_path / "data/test_mix_single")
    assert "utt2sir" not in DataDir(tmp_path / "data/train_mix_both")
    assert set(read_table(tmp_path / "data/librispeech_dev/utt2spk").values()) == set(SPEAKERS["dev-clean"])


def test_each_talker_can_be_the_target(prepare_libri2mix, libri2mix_corpora, tmp_path):
    prepare_libri2mix(tmp_path, "--both_targets train")
    plan = list(read_plan(tmp_path / "data/train_mix_clean_x2/mix.jsonl"))
    assert len({mixture.id for mixture in plan}) == len(plan) == 12
    assert all(mixture.id.startswith(mixture.speaker + "-") for mixture in plan)
    both = {mixture.id: mixture for mixture in plan}
    for row in read_rows(libri2mix_corpora, "train-clean-100"):
        one, two = both[row["mixture_ID"]], both[f"{row['mixture_ID'].split('_')[1]}_in_{row['mixture_ID']}"]
        assert [source.utt for source in one.sources] == [source.utt for source in two.sources][::-1]
        assert [source.gain for source in one.sources] == [float(row[f"source_{n}_gain"]) for n in (1, 2)]
        assert [source.gain for source in two.sources] == [float(row[f"source_{n}_gain"]) for n in (2, 1)]
    assert not (tmp_path / "data/dev_mix_clean_x2").exists()


def test_a_test_of_each_talker_has_both_in_its_mean(prepare_libri2mix, tmp_path):
    """Each with its own enrolment; SI-SDR of a mixture is as far below 0 for one talker as above for the other."""
    prepare_libri2mix(tmp_path, "--both_targets test")
    format_sources(tmp_path, 8000)
    mixtures, audio, _ = open_set(tmp_path / "data/test_mix_clean_x2")
    streams = [render(mixture, audio) for mixture in mixtures.values()]
    assert len(mixtures) == 12
    assert np.mean([si_sdr(one["wav"], one["spk1"]) for one in streams]) == pytest.approx(0, abs=0.05)
    for mixture in mixtures.values():
        assert mixture.facts["enroll"].split("-")[0] == mixture.speaker == mixture.sources[0].utt.split("-")[0]
        assert mixture.facts["enroll"] != mixture.sources[0].utt


@pytest.mark.parametrize("fs", [8000, 16000])
def test_the_official_test_is_as_its_metadata_says(prepare_libri2mix, spoiled_libri2mix, tmp_path, fs):
    """Both talkers of every mixture, whatever the other options are; files of another format serve as well."""
    file = spoiled_libri2mix / "LibriSpeech" / read_rows(spoiled_libri2mix, "test-clean")[0]["source_1_path"]
    samples, _ = soundfile.read(file)
    soundfile.write(file.with_suffix(".wav"), samples, RATE)
    file.unlink()
    prepare_libri2mix(tmp_path, f"--parts test_libri2mix --mode max --fs {fs}", corpora=spoiled_libri2mix, partial="")
    format_sources(tmp_path, fs)
    assert [path.name for path in (tmp_path / "data").iterdir() if "librispeech" not in path.name] == ["test_libri2mix"]
    mixtures, audio, _ = open_set(tmp_path / "data/test_libri2mix")
    assert len(mixtures) == 12
    file.with_suffix(".wav").rename(file)  # soundfile reads what the file is
    for row in read_rows(spoiled_libri2mix, "test-clean"):
        parts, utts = mixed(spoiled_libri2mix, row, fs, "min"), row["mixture_ID"].split("_")
        for target, key in enumerate((row["mixture_ID"], f"{utts[1]}_in_{row['mixture_ID']}")):
            streams, mixture = render(mixtures[key], audio), mixtures[key]
            for stream, name in (("wav", "mix_clean"), ("spk1", f"s{1 + target}"), ("spk2", f"s{2 - target}")):
                expected = np.clip(parts[name], -1, 1 - GRID)
                assert len(streams[stream]) == len(expected)
                assert np.abs(streams[stream] - expected).max() < 0.55 * GRID
            assert mixture.speaker == utts[target].split("-")[0] == mixture.facts["enroll"].split("-")[0]
            assert mixture.facts["enroll"] != utts[target]


def test_stage_1_again_leaves_what_it_made(prepare_libri2mix, tmp_path):
    words = "--conditions mix_both"
    prepare_libri2mix(tmp_path, words)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/wham_*/audio/*")}
    assert len(before) > 8
    prepare_libri2mix(tmp_path, words)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_files_are_made_by_several_processes(libri2mix_program):
    assert libri2mix_program.mapped(abs, range(-150, 0), 2, "numbers") == list(range(150, 0, -1))
