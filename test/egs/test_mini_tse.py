"""The mini recipe of extraction from nothing to its report, at a tiny size; reruns; options."""

import importlib.util
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from toolkit.bin import extract_audio
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.rttm import read_rttm
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.simulate.minicorpus.espeak import RATE, speak
from toolkit.simulate.plan import Source, read_plan
from toolkit.systems.extractor import Extractor

from .conftest import ROOT, SMALL

TINY = [f"--model.init_args.{width} 4" for width in ("stem_channels", "mix_channels", "integration_channels")]
TINY += ["--model.init_args.dense_channels [4,4,4]", "--model.init_args.conv_channels [8,8,8]"]
TINY += ["--model.init_args.dense_depth 1", "--model.init_args.tcn_blocks 2", "--trainer.epochs 1"]
MINI = [
    "--local_data_opts",
    SMALL.replace("--utterances 4", "--utterances 2"),
    "--tse_args",
    " ".join(TINY),
    "--tse_tag",
    "tiny",
    "--resamples",
    "50",
]


VAD = all(map(importlib.util.find_spec, ("silero_vad", "onnxruntime")))  # the extra vad is not in every environment
TIMING = ["timing_f1", "timing_precision", "timing_recall"]
VERIFIER = ROOT / "test/fixtures/v0.1/sv_ecapa.zip"
REAL = ["--real_sets", "test_real", "--real_metrics", " ".join(["similarity", *(TIMING if VAD else [])])]
REAL += ["--sv_exp", str(VERIFIER)]


def write_meeting(path) -> None:
    """A data dir of one recording in which two are enrolled and speak in turn, a second of silence between."""
    path.mkdir(parents=True)
    voices = {"ann": "en-us+f3", "bob": "en-gb-scotland"}
    message = {name: speak("the meeting begins at a quarter past nine", voice) for name, voice in voices.items()}
    enrolments = {name: speak("please leave your message after the tone", voice) for name, voice in voices.items()}
    gap, begin, turns = np.zeros(RATE, np.float32), 1.0, []
    for name, samples in message.items():
        turns.append(f"SPEAKER meeting 1 {begin:.3f} {len(samples) / RATE:.3f} <NA> <NA> {name} <NA> <NA>\n")
        begin += len(samples) / RATE + 1
    (path / "rttm").write_text("".join(turns))
    sounds = {
        "meeting": np.concatenate([part for samples in message.values() for part in (gap, samples)]),
        **enrolments,
    }
    for name, samples in sounds.items():
        soundfile.write(path / f"{name}.wav", samples, RATE)
    write_table(path / "wav.scp", {"meeting": path / "meeting.wav"})
    # Bob's is cut from the middle of Ann's turn on.
    begins, end = {"ann": 0.0, "bob": 1.5}, len(sounds["meeting"]) / RATE
    write_table(path / "segments", {f"{name}-1": f"meeting {begins[name]} {end:.3f}" for name in voices})
    write_table(path / "enroll_spk1.scp", {f"{name}-1": path / f"{name}.wav" for name in voices})
    write_table(path / "utt2spk", {f"{name}-1": name for name in voices})
    write_table(path / "spk2utt", {name: f"{name}-1" for name in voices})


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after one whole run, with a set of real recordings."""
    folder = tree.copy("mini/tse")
    write_meeting(folder / "data/test_real")
    done = tree.run(folder, "./run.sh", *MINI, *REAL, "--skip_packing", "false")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def result(recipe, scores: str, name: str) -> dict:
    return json.loads((recipe / f"exp/tse_tiny/{scores}/{name}/result.json").read_text())


def test_every_stage_leaves_what_it_promises(recipe):
    for made in ("config.yaml", "train.log", "metrics.jsonl", "valid.loss.ave.pth", "results.json", "packed.zip"):
        assert (recipe / "exp/tse_tiny" / made).is_file(), made
    assert json.loads((recipe / "exp/tse_stats/train/stats.json").read_text())["items"] == 16
    page = (recipe / "exp/RESULTS.md").read_text()
    for word in ("tse_tiny", "test4_2talker", "test4_2talker_noise", "SI-SDR"):
        assert word in page
    assert (recipe / "exp/tse_tiny/report.html").is_file()


def test_ids_in_are_ids_out(recipe):
    ids = set(read_table(recipe / "data/test4/utt2spk"))
    for name in ("test4_2talker", "test4_2talker_noise"):
        for folder in ("extracted", "extracted_enroll1s", "extracted_absent"):
            assert set(read_table(recipe / f"exp/tse_tiny/{folder}/{name}/wav.scp")) == ids
        for scores in ("scores", "scores_enroll1s", "scores_absent"):
            assert result(recipe, scores, name)["n_utterances"] == len(ids) == 8


def test_conditions_share_their_enrolments_and_enrol_the_target(recipe):
    one, two = (read_table(recipe / f"dump/raw/{name}/utt2enroll") for name in ("test4_2talker", "test4_2talker_noise"))
    assert one == two
    utt2spk = read_table(recipe / "data/test4/utt2spk")
    assert all(utt2spk[utt] == utt2spk[enrolled] and utt != enrolled for utt, enrolled in one.items())


def test_scores_are_those_of_the_files(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    estimates = AudioTable("exp/tse_tiny/extracted/test4_2talker")
    targets = AudioTable("dump/raw/test4_2talker", stream="spk1")
    expected = []
    for key in estimates.keys():
        e, s = (table.read(key).astype(np.float64) for table in (estimates, targets))
        e, s = e - e.mean(), s - s.mean()
        near = (e @ s) / (s @ s) * s
        expected.append(10 * np.log10((near @ near) / ((e - near) @ (e - near))))
    actual = result(recipe, "scores", "test4_2talker")["metrics"]["si_sdr"]
    assert actual["value"] == pytest.approx(np.mean(expected), abs=1e-4)
    pairs = result(recipe, "scores", "test4_2talker")["breakdown"]["gender_pair"]["groups"]
    assert sum(group["n_utterances"] for group in pairs.values()) == 8


def test_real_recordings_are_formatted_with_enrolments_and_turns(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    data = recipe / "dump/raw/test_real"
    assert (
        AudioTable(data, fs=8000).keys() == AudioTable(data, fs=8000, stream="enroll_spk1").keys() == ["ann-1", "bob-1"]
    )
    before = {turn.speaker: turn for turn in read_rttm("data/test_real/rttm")["meeting"]}
    after = {utt: {turn.speaker: turn[:2] for turn in turns} for utt, turns in read_rttm(data / "rttm").items()}
    expected = {"ann-1": {name: turn[:2] for name, turn in before.items()}}
    expected["bob-1"] = {
        "ann": (0, before["ann"].duration - 0.5),
        "bob": (before["bob"].onset - 1.5, before["bob"].duration),
    }
    for utt, turns in expected.items():
        assert {name: pytest.approx(times, abs=2e-3) for name, times in turns.items()} == after[utt]


def test_real_recordings_are_scored_without_reference(recipe):
    names = ["similarity", *(TIMING if VAD else [])]
    actual = result(recipe, "scores_real", "test_real")["metrics"]
    assert set(actual) == {f"{name}{end}" for name in names for end in ("", "_mix", "i")}
    assert all(actual[f"{name}_mix"]["n"] == 2 for name in names)
    page = (recipe / "exp/tse_tiny/RESULTS.md").read_text()
    assert page.count("| test_real | tse_tiny |") == len(names)
    assert "test_real" not in page.split("## Every set")[1].split("##")[0]  # it has no row beside sets with references
    rows = json.loads((recipe / "exp/tse_tiny/listening/listening.json").read_text())["rows"]
    labels = [[column["label"] for column in row["columns"]] for row in rows if row["facts"]["set"] == "test_real"]
    assert labels == [["mixture", "enrolment", "output"]] * 2


@pytest.mark.skipif(not VAD, reason="the extra vad is not installed")
def test_the_timing_of_the_recording_itself(recipe):
    """All speech is detected; half of it is the enrolled speaker's."""
    actual = result(recipe, "scores_real", "test_real")["metrics"]
    assert actual["timing_recall_mix"]["value"] > 90
    assert 40 < actual["timing_precision_mix"]["value"] < 75


def test_what_comes_out_without_the_target_is_measured(recipe):
    left = result(recipe, "scores_absent", "test4_2talker")["metrics"]["residual_energy"]
    assert left["n"] == 8
    assert left["value"] < 0  # what explains a part of the mixture has less energy than the mixture


def test_the_same_command_again_redoes_nothing(recipe, tree):
    before = {p: p.stat().st_mtime_ns for p in recipe.glob("exp/tse_tiny/extracted*/*/data/*.ark")}
    done = tree.run(recipe, "./run.sh", *MINI, *REAL, "--stage", "2", "--stop_stage", "8")
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(before) >= 2 * 3
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_enrolments_in_noise(recipe, tree, tmp_path, monkeypatch, capsys):
    noisy = ["--simulate_enroll_config", "conf/simulate_enroll_noise.yaml", "--enroll_lengths", "", "--absent", "false"]
    noisy += ["--simulate_train_enroll_config", "conf/simulate_train_enroll.yaml"]
    done = tree.run(recipe, "./run.sh", *MINI, *noisy, "--stage", "2", "--skip_stages", "5 6", "--stop_stage", "9")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tse_tiny (enroll_noise)" in (recipe / "exp/RESULTS.md").read_text()
    monkeypatch.chdir(recipe)
    clean, inside = AudioTable("dump/raw/test4"), AudioTable("dump/raw/test4_enroll_noise")
    assert set(inside.keys()) == set(clean.keys())
    for name, noises in (("train_enroll", "noise_train"), ("test4_enroll_noise", "noise_test")):
        drawn = {s.utt for m in read_plan(f"data/{name}/mix.jsonl") for s in m.sources if s.role == "noise1"}
        assert drawn
        assert drawn <= set(read_table(f"dump/raw/{noises}/wav.scp"))
    key, enrolled = next(iter(read_table("dump/raw/test4_2talker/utt2enroll").items()))
    extractor = Extractor.load("exp/tse_tiny")
    mixture = AudioTable("dump/raw/test4_2talker").read(key)
    for folder, table in (("extracted", clean), ("extracted_enroll_noise", inside)):
        actual = AudioTable(f"exp/tse_tiny/{folder}/test4_2talker").read(key)
        np.testing.assert_allclose(actual, extractor.extract(mixture, table.read(enrolled), extractor.fs), atol=1e-4)
    words = [
        "--enroll_from",
        "dump/raw/dev",
        "--model",
        "exp/tse_tiny",
        "--in_root",
        "dump/raw",
        "--out_root",
        tmp_path,
    ]
    (tmp_path / "work").write_text(f"test4_2talker {key}\n")
    assert run(extract_audio.main, [*map(str, words), "--work", str(tmp_path / "work"), "--job", "1"]) == 1
    assert "dump/raw/dev: 1 enrolment of dump/raw/test4_2talker not found: " in capsys.readouterr().err


def test_mixtures_of_three_talkers(recipe, tree, monkeypatch):
    """A plan of one's own: test4_2talker and a third talker in each mixture, half a second late."""
    planned = recipe / "data/test_3talker"
    planned.mkdir()
    for name in ("utt2spk", "spk2utt", "spk2gender", "utt2enroll", "mix_conf.yaml"):
        shutil.copy(recipe / "data/test4_2talker" / name, planned)
    speaker, others, lines = read_table(recipe / "data/test4/utt2spk"), {}, []
    for mixture in read_plan(recipe / "data/test4_2talker/mix.jsonl"):
        inside = {speaker[source.utt] for source in mixture.sources}
        utt = next(utt for utt in sorted(speaker) if speaker[utt] not in inside)
        third = Source("spk3", utt, length=4000, offset=4000, gain=2.0)
        lines.append(replace(mixture, sources=(*mixture.sources, third)).to_json())
        others[mixture.id] = " ".join(speaker[s.utt] for s in (mixture.sources[1], third))
    (planned / "mix.jsonl").write_text("".join(f"{line}\n" for line in lines))
    write_table(planned / "utt2interferer", others)
    sets = ["--test_sets", "test_3talker", "--simulate_test_configs", "", "--enroll_lengths", ""]
    done = tree.run(recipe, "./run.sh", *MINI, *sets, "--stage", "2", "--skip_stages", "5 6", "--stop_stage", "8")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    monkeypatch.chdir(recipe)
    estimates = AudioTable("exp/tse_tiny/extracted/test_3talker")
    talkers = [AudioTable("dump/raw/test_3talker", stream=f"spk{i}") for i in (1, 2, 3)]
    wrong = read_table("exp/tse_tiny/metrics/test_3talker/utt2speaker_confusion")
    for key in others:
        to_target, *to_others = (si_sdr(estimates.read(key), talker.read(key)) for talker in talkers)
        assert float(wrong[key]) == (max(to_others) > to_target)


def test_the_packed_model_works_on_any_two_files(recipe, tmp_path):
    files = list(read_table(recipe / "data/test4/wav.scp").values())
    enrolment, mixture = (recipe / file for file in (files[0], files[-1]))
    words = ["--model", recipe / "exp/tse_tiny/packed.zip", "--enroll", enrolment, "--mixture", mixture]
    extract_audio.main([*map(str, words), "--output", str(tmp_path / "out.wav")])
    assert (tmp_path / "out.wav").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tse_config", "conf/nothing.yaml"], "--tse_config conf/nothing.yaml: no such file"),
        (["--tse_args", "--model.init_args.tcn_blockz 2"], "tcn_blocks"),
        (["--enroll_lengths", "1 two"], "--enroll_lengths 1 two: two must be a number"),
        (["--enroll_lengths", "1 0.0"], "--enroll_lengths 1 0.0: 0.0 must be a number above 0"),
        (["--metrics", "si_sdr pesk"], "--metrics pesk: no such metric; there are"),
        (["--breakdown", "gendr"], "--breakdown gendr: must be gender, duration, auto gender_pair, or a table"),
        (
            ["--fs", "16000"],
            "--fs 16000, but the network of conf/train_sefpnet.yaml is for 8000 Hz: give --fs 8000, or",
        ),
        (["--nj", "two"], "--nj two: two must be a whole number from 1"),
        (["--absent", "yes"], "option --absent takes true or false, got 'yes'"),
        (["--real_sets", "test4"], "--real_sets test4: test4 is another set of this run; choose another name"),
        (
            ["--real_sets", "none", "--stage", "2"],
            "--real_sets none: data/none not found; its files: wav.scp enroll_spk1.scp",
        ),
        (["--real_sets", "test_real", "--real_metrics", "timing_f2"], "--metrics timing_f2: no such metric; there are"),
        (["--sv_exp", "exp/none"], "--sv_exp exp/none: no such experiment or packed.zip"),
        (["--simulate_enroll_config", "conf/none.yaml"], "--simulate_enroll_config conf/none.yaml: no such file"),
        (["--stage", "7", "--enroll_from", "none"], "--enroll_from none: no such set; there are: "),
        (
            ["--stage", "7", "--simulate_enroll_config", "conf/simulate_train_enroll.yaml"],
            "dump/raw/test4_train_enroll not found; stage 3 makes it (--stage 3)",
        ),
        (["--stage", "7", "--tse_tag", "none"], "exp/tse_none: no such experiment; train it first (stage 6)"),
        (["--speling", "1"], "--speling"),
    ],
)
def test_mistakes_are_named_before_any_work(recipe, tree, options, message):
    done = tree.run(recipe, "./run.sh", *MINI, *options, "--dry_run", "true")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
