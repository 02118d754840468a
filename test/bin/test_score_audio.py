import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice

from toolkit.bin import score_audio, summarise_audio
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table

REPOSITORY = Path(score_audio.__file__).parents[2]
FS = 16000
UTTS = [f"s{s}-u{u}" for s in range(3) for u in range(3)]


def scp(folder, stream, sounds):
    for utt, samples in sounds.items():
        file = folder / stream / f"{utt}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, samples, FS, subtype="PCM_16")
    write_table(folder / f"{stream}.scp", {utt: folder / stream / f"{utt}.wav" for utt in sounds})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """``raw/test`` with mixtures of two; ``enhanced/test``: one is silent, one the wrong speaker, one too short."""
    root = tmp_path_factory.mktemp("signals")
    seconds = {utt: 0.2 if utt == "s2-u2" else 0.8 for utt in UTTS}
    target = {utt: voice(int(utt[1]), int(utt[4]), seconds[utt]) for utt in UTTS}
    other = {utt: voice(4 + int(utt[1]), int(utt[4]), seconds[utt]) for utt in UTTS}
    made = {utt: target[utt] + 0.3 * other[utt] for utt in UTTS}
    made |= {"s0-u1": 0 * made["s0-u1"], "s1-u1": other["s1-u1"]}
    scp(root / "raw/test", "wav", {utt: target[utt] + other[utt] for utt in UTTS})
    scp(root / "raw/test", "spk1", target)
    scp(root / "raw/test", "spk2", other)
    scp(root / "enhanced/test", "wav", made)
    for part in ("raw", "enhanced"):
        write_table(root / part / "test/utt2spk", {utt: utt[:2] for utt in UTTS})
    return root


OPTIONS = ["--metrics", "si_sdr sdr", "pesq_nb", "stoi", "tsos", "--interferer", "spk2", "--input", "wav"]


@pytest.fixture(scope="module")
def stage(root, python):
    """The stage as recipes run it: work list, run.pl, merge."""
    return functools.partial(run_stage, python, root)


def run_stage(python, root, out, nj, part="enhanced", options=OPTIONS):
    words = [sys.executable, "-m", "toolkit.bin.stage", "sets", "--name", "score", "--cmd", "utils/run.pl", "--nj", nj]
    words += [
        "--in_root",
        root / part,
        "--out_root",
        out,
        "--sets",
        "test",
        "--",
        python,
        "-m",
        "toolkit.bin.score_audio",
    ]
    words += ["--ref_root", root / "raw", *options]
    done = subprocess.run([*map(str, words)], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (out / "test").glob("utt2*")}


@pytest.fixture(scope="module")
def tables(root, stage):
    return stage(root / "one", 1)


def test_any_number_of_jobs_gives_the_same_tables(root, stage, tables):
    assert stage(root / "four", 4) == tables
    assert len(list((root / "four/logs").glob("*/score.*.log"))) == 4
    metrics = {"si_sdr", "sdr", "pesq_nb", "stoi", "tsos"}
    metrics |= {f"{name}_mix" for name in metrics} | {"si_sdr_interferer", "speaker_confusion"}
    assert set(tables) == {f"utt2{name}" for name in metrics | {"undefined", "spk"}}


def test_mixtures_that_were_scored_before_give_the_same_summary(root, stage, tables):
    """Their values are kept once, in their own tables."""
    stage(root / "mixtures", 2, part="raw", options=OPTIONS[:-4])
    alone = stage(root / "alone", 2, options=[*OPTIONS, "--input_scored"])
    assert set(alone) == {name for name in tables if not name.endswith("_mix")}
    words = ["--sets", "test", "--resamples", "50"]
    for name, more in (("one", []), ("alone", ["--input_root", str(root / "mixtures")])):
        summarise_audio.main(["--in_root", str(root / name), "--out_root", str(root / f"of_{name}"), *words, *more])
    one, other = ((root / name / "test/utterances.tsv").read_text() for name in ("of_one", "of_alone"))
    assert {tuple(sorted(line.split("\t"))) for line in other.splitlines()} == {
        tuple(sorted(line.split("\t"))) for line in one.splitlines()
    }
    results = [json.loads((root / name / "test/result.json").read_text()) for name in ("of_one", "of_alone")]
    assert results[0] == results[1]


def test_what_is_undefined_is_counted_and_ends_nothing(root, tables):
    undefined = read_table(root / "one/test/utt2undefined")
    assert list(undefined) == UTTS
    silent = ("si_sdr", "sdr", "pesq_nb", "stoi", "si_sdr_interferer", "speaker_confusion")
    assert sorted(undefined["s0-u1"].split("; ")) == sorted(f"{name}: silent estimate" for name in silent)
    short = "pesq_nb: shorter than 0.25 s; stoi: fewer than 30 frames of speech"
    assert undefined["s2-u2"] == f"{short}; {short.replace(': ', '_mix: ')}"
    assert all(undefined[utt] == "-" for utt in UTTS if utt not in ("s0-u1", "s2-u2"))
    assert read_table(root / "one/test/utt2si_sdr")["s0-u1"] == "nan"
    assert float(read_table(root / "one/test/utt2tsos")["s0-u1"]) == 1


def test_the_speaker_confusion_is_found(root, tables):
    wrong = read_table(root / "one/test/utt2speaker_confusion")
    assert {utt for utt in UTTS if float(wrong[utt]) == 1} == {"s1-u1"}
    near, far = (read_table(root / f"one/test/utt2{name}") for name in ("si_sdr", "si_sdr_interferer"))
    assert float(far["s1-u1"]) > 60 > 20 > float(near["s1-u1"])
    # The interferer is 0.3 of what it was: 10.5 dB less, but for what the voices have in common.
    gains = [float(near[utt]) - float(read_table(root / "one/test/utt2si_sdr_mix")[utt]) for utt in UTTS[3:4]]
    np.testing.assert_allclose(gains, 10.5, atol=1.5)


def test_a_summary_of_it(root, tables, capsys):
    words = ["--in_root", root / "one", "--sets", "test", "--out_root", root / "scores", "--resamples", "50"]
    summarise_audio.main([str(word) for word in words])
    message = capsys.readouterr().out
    assert message.startswith("test: 9 utterances of 3 speakers\ntest: SI-SDR ")
    assert "test: PESQ (nb) " in message
    assert ", 2 undefined\n" in message
    assert "test: speaker confusion 12.50 % [" in message
    assert {path.name for path in (root / "scores/test").iterdir()} == {"result.json", "utterances.tsv"}


def score(root, *options, **roots):
    (root / "work").write_text("".join(f"test {utt}\n" for utt in UTTS))
    paths = {"in_root": root / "enhanced", "ref_root": root / "raw", "out_root": root / "bad", **roots}
    words = [str(word) for name, path in paths.items() for word in (f"--{name}", path)]
    return run(score_audio.main, [*words, "--work", str(root / "work"), "--job", "1", *options])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "si_snr"], "error: --metrics si_snr: no such metric; there are si_sdr "),
        (["--metrics", "residual_energy"], "error: --metrics residual_energy is relative to the mixture"),
        (["--metrics", "similarity"], "error: --metrics similarity needs a verification system: give it by --sv_exp"),
        (["--metrics", "estoi", "--check", "--no_reference"], "error: --metrics estoi: needs the target alone"),
        (["--reference", "spk3"], "raw/test/spk3.scp: no such file"),
    ],
)
def test_wrong_words_are_said_in_a_line(root, capsys, options, message):
    assert score(root, *options) == 1
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_an_estimate_of_another_length_is_said(root, capsys, tmp_path):
    scp(tmp_path / "enhanced/test", "wav", {utt: voice(0, 0, 0.5) for utt in UTTS})
    assert score(root, in_root=tmp_path / "enhanced") == 1
    message = capsys.readouterr().err
    assert "s0-u0: its estimate" in message
    assert "has 8000 samples, its reference" in message
    assert not (root / "bad/test/.jobs").exists()


def test_residual_energy_needs_no_target(root, tmp_path):
    raw = tmp_path / "raw/test"
    scp(raw, "spk1", {utt: np.zeros(8000) if utt == UTTS[0] else voice(0, 0, 0.5) for utt in UTTS})
    scp(raw, "wav", {utt: voice(1, 0, 0.5) for utt in UTTS})
    scp(tmp_path / "enhanced/test", "wav", {utt: 0.1 * voice(1, 0, 0.5) for utt in UTTS})
    roots = {"in_root": tmp_path / "enhanced", "ref_root": tmp_path / "raw", "out_root": tmp_path / "out"}
    assert score(root, "--metrics", "residual_energy", "si_sdr", "--input", "wav", **roots) == 0
    left = read_table(tmp_path / "out/test/.jobs/1/utt2residual_energy")
    assert float(left[UTTS[0]]) == pytest.approx(-20, abs=0.1)
    assert {left[utt] for utt in UTTS[1:]} == {"nan"}


@pytest.fixture
def real(root, tmp_path, monkeypatch):
    """``raw/test`` without references but with turns, ``enhanced/test``; instead of the network: who is loud speaks."""
    monkeypatch.setattr("toolkit.metrics.signal.registry.find_library", lambda *words: None)
    monkeypatch.setattr(
        "toolkit.metrics.signal.timing.speech_intervals",
        lambda x, fs: [(0, len(x) / fs)] if np.abs(x).max() > 0.5 else [],
    )
    for name, gain in (("raw", 5), ("enhanced", 0.1)):
        scp(tmp_path / name / "test", "wav", {utt: gain * voice(0, 0, 0.8) for utt in UTTS})
    write_table(tmp_path / "raw/test/utt2spk", {utt: utt[:2] for utt in UTTS})
    turns = [f"SPEAKER {utt} 1 0.2 0.4 <NA> <NA> {utt[:2]}\nSPEAKER {utt} 1 0 9 <NA> <NA> other\n" for utt in UTTS[1:]]
    (tmp_path / "raw/test/rttm").write_text(f"SPEAKER {UTTS[0]} 1 0 9 <NA> <NA> other\n{''.join(turns)}")
    return {"in_root": tmp_path / "enhanced", "ref_root": tmp_path / "raw", "out_root": tmp_path / "out"}


def test_real_recordings_need_no_reference(root, real):
    assert score(root, "--metrics", "timing_f1 timing_precision", "--input", "wav", **real) == 0
    rows = {path.name: read_table(path) for path in real["out_root"].glob("test/.jobs/1/*")}
    timing = ["timing_f1", "timing_precision"]
    assert set(rows) == {f"utt2{name}" for name in [*timing, *(f"{name}_mix" for name in timing), "undefined"]}
    # 40 of the 80 frames of the recording are the speaker's; of the first recording none is. The output is silent.
    assert [float(rows["utt2timing_f1_mix"][utt]) for utt in UTTS[:2]] == pytest.approx([0, 2 * 40 / 120], abs=1e-6)
    assert [float(rows["utt2timing_precision_mix"][utt]) for utt in UTTS[:2]] == [0, 0.5]
    assert rows["utt2undefined"][UTTS[0]] == "; ".join(
        f"{name}: no speech in estimate and annotation" for name in timing
    )
    assert float(rows["utt2timing_f1"][UTTS[1]]) == 0


def test_what_real_recordings_lack_is_said(root, real, capsys):
    assert score(root, "--metrics", "si_sdr", **real) == 1
    assert "raw/test/spk1.scp: no such file" in capsys.readouterr().err
    (real["ref_root"] / "test/rttm").unlink()
    assert score(root, "--metrics", "timing_recall", **real) == 1
    assert "raw/test/rttm: no such file; --metrics timing_recall needs the turns" in capsys.readouterr().err


def test_no_torch_is_loaded(root, tmp_path):
    (tmp_path / "work").write_text(f"test {UTTS[0]}\n")
    words = ["--in_root", root / "enhanced", "--ref_root", root / "raw", "--out_root", tmp_path, "--job", 1]
    code = "import sys; from toolkit.bin.score_audio import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    words += ["--work", tmp_path / "work", "--metrics", "si_sdr", "sdr", "pesq_wb", "estoi"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
