"""Work that is done once: on sets by jobs, and by one program."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.once import Once
from toolkit.io.stage import Remade, Step, quoted, writing

IDS = {f"{key}": key[0].upper() for key in ("a1", "a2", "b1", "c1", "c2")}
ROOT = Path(__file__).parents[2]

# A job that writes the table utt2job, and counts its calls.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from toolkit.io.jobs import read_work, write_job_tables
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
open("calls", "a").write("x")
for name, ids in read_work(options["--work"]).items():
    write_job_tables(options["--out_root"], name, int(options["--job"]), utt2job=dict.fromkeys(ids, options["--job"]))
"""


@pytest.fixture
def step(tmp_path, monkeypatch):
    """``step(**changes)``: one over the sets train and dev, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "utils").symlink_to(ROOT / "utils")
    (tmp_path / "job.py").write_text(PROGRAM)
    for name in ("train", "dev"):
        write_table(tmp_path / "data" / name / "utt2spk", IDS)
        write_table(tmp_path / "data" / name / "wav.scp", {key: f"{key}.wav" for key in IDS})

    def make(**changes) -> Step:
        values = {"name": "count", "cmd": "utils/run.pl", "nj": 2, "in_root": Path("data"), "out_root": Path("out")}
        values |= {"sets": ["train", "dev"], "program": [sys.executable, "job.py", str(ROOT)], "stems": ["x"]}
        return Step(**values | changes)

    return make


def calls() -> int:
    return len(Path("calls").read_text()) if Path("calls").exists() else 0


def test_ids_in_are_ids_out_and_the_same_command_does_nothing(step, capsys):
    step().run()
    assert calls() == 2
    assert set(read_table("out/train/utt2job")) == set(read_table("out/dev/utt2job")) == set(IDS)
    step().run()
    assert calls() == 2
    assert "count: all done before: train dev" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["table", "dep", "words", "mark"])
def test_what_has_changed_is_done_again(step, change):
    Path("dep").write_text("1")
    step(deps=["dep"]).run()
    program = step().program
    if change == "table":
        write_table(Path("data/dev/text"), dict.fromkeys(IDS, "word"))
    elif change == "dep":
        Path("dep").write_text("2")
    elif change == "words":
        program = [*program, "--fs", "8000"]
    else:
        Path("out/dev/.done.count").unlink()
    step(deps=["dep"], program=program, nj=1).run()
    assert calls() == 3


def test_jobs_of_an_interrupted_run_are_not_done_again(step):
    failing = [*step().program, "--fail", "1"]
    Path("job.py").write_text(PROGRAM.replace('open("calls"', 'options["--job"] == "2" and sys.exit(1)\nopen("calls"'))
    with pytest.raises(InputError):
        step(program=failing).run()
    Path("job.py").write_text(PROGRAM)
    step(program=failing).run()
    assert calls() == 2


def test_long_lists_are_shared_out_over_more_jobs(step):
    step(nj=2, job_size=2).run()
    assert calls() == 6
    assert len(set(read_table("out/train/utt2job").values())) == 3


def test_a_dry_run_says_what_is_to_do_and_does_nothing(step, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VOXSIFT_REMADE", str(tmp_path / "remade"))
    step(dry_run=True).run()
    assert "count -> out: to do: train dev (10 ids)" in capsys.readouterr().out
    assert not Path("out").exists()
    assert "out/train/wav.scp" in Remade()
    step(in_root=Path("out"), out_root=Path("more"), sets=["train"], dry_run=True).run()
    assert "(1 set not made yet)" in capsys.readouterr().out


def test_a_missing_set_is_named(step):
    with pytest.raises(InputError, match="data/test: data dir not found"):
        step(sets=["test"]).run()


def test_a_lock_is_held_until_the_last_job_has_ended(tmp_path):
    with writing(tmp_path, "x"):
        handle = os.open(tmp_path / ".lock.x", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


@pytest.fixture
def once(tmp_path, monkeypatch):
    """``once(**changes)``: a program that reads ``dep`` and writes ``made``."""
    monkeypatch.chdir(tmp_path)
    Path("dep").write_text("1")
    command = ["bash", "-c", "cp dep made; printf x >>calls"]
    return lambda **more: Once(**{"mark": Path(".done"), "what": "it", "program": command, "deps": ["dep"], **more})


@pytest.mark.parametrize(("change", "count"), [("", 1), ("dep", 2), ("made", 2), ("gone", 2)])
def test_a_program_runs_once_for_the_same_inputs_and_outputs(once, change, count):
    once(outputs=["made"]).run()
    if change == "gone":
        Path("made").unlink()
    elif change:
        Path(change).write_text("another")
    once(outputs=["made"]).run()
    assert calls() == count


def test_a_program_runs_again_after_a_change_of_its_code(once, tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.io.signatures._ROOT", tmp_path)
    source = tmp_path / "toolkit/report/deep/page.py"
    source.parent.mkdir(parents=True)
    for text in ("1", "1", "2", "2"):
        source.write_text(text)
        once(code=["toolkit.report"]).run()
    assert calls() == 2


def test_a_config_among_the_outputs_counts_with_the_files_that_it_names(once):
    Path("weights.pth").write_text("1")
    Path("made.yaml").write_text("weights: weights.pth\n")
    once(outputs=["made.yaml"]).run()
    once(outputs=["made.yaml"]).run()
    Path("weights.pth").write_text("22")
    once(outputs=["made.yaml"]).run()
    assert calls() == 2


def test_a_job_keeps_the_log_of_the_run_before_and_says_its_warnings(step, once, capsys):
    step()  # a folder with utils/
    job = {"cmd": "utils/run.pl", "log": Path("x.log"), "keep_log": True}
    for word in ("one", "two"):
        once(program=["echo", f"x WARNING {word}"], **job).run()
    assert capsys.readouterr().err == "WARNING one\nWARNING two\n"
    assert "WARNING one" in Path("x.0.log").read_text()


def test_a_program_that_fails_is_not_done(once):
    for _ in range(2):
        with pytest.raises(SystemExit):
            once(program=["bash", "-c", "printf x >>calls; exit 1"]).run()
    assert calls() == 2


@pytest.mark.parametrize(("text", "shown"), [("a b", "a\\ b"), ("[1,2]", "\\[1\\,2\\]"), ("x=1:2/3", "x=1:2/3")])
def test_words_are_quoted_as_by_the_shell(text, shown):
    assert quoted(text) == shown
