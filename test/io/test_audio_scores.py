"""Metrics of audio by jobs: which sets are scored together, with which other talkers, by which groups; done once."""

import sys
from pathlib import Path

import pytest

from toolkit.io.audio_scores import AudioScores
from toolkit.io.datadir import write_table

ROOT = Path(__file__).parents[2]
IDS = {"a1": "A", "b1": "B"}

# In the place of score_audio and summarise_audio: notes its words; a job of scoring writes a table.
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from toolkit.io.jobs import read_work, write_job_tables
words = sys.argv[2:]
open("calls", "a").write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "score":
    options = dict(zip(words, words[1:]))
    for name, ids in read_work(options["--work"]).items():
        write_job_tables(options["--out_root"], name, int(options["--job"]), utt2x=dict.fromkeys(ids, "1"))
elif "fail" in sys.argv:
    sys.exit(1)
"""


@pytest.fixture
def scores(tmp_path, monkeypatch):
    """``scores(**changes)``: of mixtures of two and of three talkers, and of one talker in noise."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "utils").symlink_to(ROOT / "utils")
    (tmp_path / "job.py").write_text(PROGRAM.format(root=str(ROOT)))
    for name, talkers in (("two", 2), ("three", 3), ("one", 1), ("pair", 2)):
        for root in ("raw", "out"):
            write_table(tmp_path / root / name / "utt2spk", IDS)
            write_table(tmp_path / root / name / "wav.scp", {key: f"{key}.wav" for key in IDS})
        for talker in range(1, talkers + 1):
            (tmp_path / "raw" / name / f"spk{talker}.scp").touch()
        write_table(tmp_path / "raw" / name / "spk2gender", {"A": "f", "B": "m"})
    folders = {"data_root": Path("raw"), "audio": Path("out"), "values": Path("metrics"), "out_root": Path("scores")}
    program = [sys.executable, "job.py", "score"]
    values = {"cmd": "utils/run.pl", "nj": 1, **folders, "sets": ["two", "three", "one", "pair"], "program": program}
    values |= {"metrics": ["si_sdr", "stoi"], "breakdown": ["auto"]}
    return lambda **changes: AudioScores(**values | changes)


def calls() -> list[str]:
    """The words of all programs, without those of jobs."""
    return [line.split(" --in_root out ")[0] for line in Path("calls").read_text().splitlines()]


def test_sets_are_scored_with_the_talkers_of_their_mixtures(scores):
    scores().run()
    common = "score --metrics si_sdr stoi --ref_root raw --input wav"
    summary = "toolkit.bin.summarise_audio --in_root metrics --data_root raw --out_root scores --sets"
    assert calls() == [
        common,
        f"{summary} one --resamples 1000",
        f"{common} --interferer spk2",
        f"{summary} two pair --resamples 1000 --breakdown gender_pair",
        f"{common} --interferer spk2 spk3",
        f"{summary} three --resamples 1000 --breakdown gender_pair",
    ]
    scores().run()
    assert len(calls()) == 6


def test_metrics_of_the_mixtures_are_shared(scores):
    scores(sets=["two"], mixtures=Path("mixed")).run()
    assert calls()[0].startswith("score --metrics si_sdr stoi --ref_root raw --in_root raw --out_root mixed")
    assert calls()[1].endswith("--input wav --input_scored --interferer spk2")
    assert "--input_root mixed --sets two" in calls()[2]
    scores(sets=["two"], mixtures=Path("mixed"), values=Path("other"), out_root=Path("others")).run()
    assert sum("--out_root mixed" in call for call in calls()) == 1


def test_groups_are_those_that_there_are(scores):
    Path("raw/pair/spk2gender").unlink()
    scores(sets=["two", "pair"]).run()
    assert "--breakdown" not in calls()[-1]
    scores(sets=["one", "two"], breakdown=["gender_pair", "gender"], values=Path("m"), no_interferers=True).run()
    assert calls()[-1].endswith("--sets one two --resamples 1000 --breakdown gender")
    assert "--interferer" not in calls()[-2]


def test_without_metrics_it_is_similarity(scores):
    scores(sets=["two"], metrics=[], program=[sys.executable, "job.py", "score", "--sv_exp", "x"]).run()
    assert calls()[0] == "score --metrics similarity --ref_root raw --input wav --interferer spk2 --sv_exp x"


def test_a_summary_that_fails_ends_the_step_with_its_exit_code(scores):
    """The program itself has printed what is wrong."""
    with pytest.raises(SystemExit, match="^1$"):
        scores(sets=["two"], breakdown=["fail"]).run()


def test_a_dry_run_names_sets_that_earlier_stages_make(scores, capsys, monkeypatch):
    remade = Path("remade").absolute()
    monkeypatch.setenv("VOXSIFT_REMADE", str(remade))
    scores(sets=["two", "later"], dry_run=True).run()
    assert capsys.readouterr().out == "    scores of out: to do, of two later\n"
    scores(sets=["two"], dry_run=True).run()
    assert "score -> metrics: to do: two (2 ids)" in capsys.readouterr().out
    assert not Path("calls").exists()
