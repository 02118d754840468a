import errno
import importlib
import os
import pkgutil
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit.bin
from toolkit.io.command_line import Parser, real_number, run, whole_number
from toolkit.io.errors import InputError
from toolkit.io.progress import progress

ROOT = Path(toolkit.__file__).parents[1]
PROGRAMS = [m.name for m in pkgutil.iter_modules(toolkit.bin.__path__)]


def python(*argv, **options):
    return subprocess.run([sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, **options)


def raising(error):
    def main(argv):
        raise error

    return main


def fill_the_disk(argv):
    with open("/dev/full", "w") as handle:
        handle.write("x")


def test_success_is_0_and_main_gets_the_words():
    seen = []
    assert run(seen.append, ["--a", "b"]) == 0
    assert seen == [["--a", "b"]]


@pytest.mark.parametrize(
    ("main", "code", "message"),
    [
        (raising(InputError("utt-a: a.wav: is empty")), 1, "error: utt-a: a.wav: is empty\n"),
        (lambda argv: Path("/nowhere/work.1").read_text(), 1, "error: /nowhere/work.1: No such file or directory\n"),
        (lambda argv: Path("/").read_text(), 1, "error: /: Is a directory\n"),
        (lambda argv: Path("/dev/null/data").mkdir(), 1, "error: /dev/null/data: Not a directory\n"),
        (raising(PermissionError(errno.EACCES, "no", "a.ark")), 1, "error: a.ark: no\n"),
        (fill_the_disk, 1, "error: output: No space left on device; nothing half-written was kept\n"),
        (raising(OSError(errno.EDQUOT, "quota", "a.ark")), 1, "error: a.ark: quota; nothing half-written was kept\n"),
        (raising(KeyboardInterrupt), 130, "interrupted\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line(main, code, message, capsys):
    assert run(main) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("error", [ValueError, KeyError, OSError(errno.EINVAL, "ours"), SystemExit(2)])
def test_our_own_faults_keep_their_traceback(error):
    with pytest.raises(error if isinstance(error, type) else type(error)):
        run(raising(error))


def test_exit_code_and_stderr_of_a_process(tmp_path):
    done = python("-m", "toolkit.bin.make_trials", f"{tmp_path}/train")
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path}/train: no such data dir; run the stage that makes it\n"


def test_a_reader_that_goes_away_ends_it_silently():
    code = "import sys; from toolkit.io.command_line import run; sys.exit(run(lambda argv: print('x' * 10**6)))"
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{code}" | head -c 1; echo " ${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "x 141\n"
    assert done.stderr == ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_says_how_it_is_used(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, f"toolkit.bin.{name}", raising=False)
    with pytest.raises(SystemExit) as caught:
        runpy.run_module(f"toolkit.bin.{name}", run_name="__main__")
    assert not caught.value.code
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--speach", "x"], "error: --speach: no such option, did you mean --speech? See local/data.sh --help\n"),
        (["--speach=x"], "error: --speach: no such option, did you mean --speech? See local/data.sh --help\n"),
        (["--zzz"], "error: --zzz: no such option; see local/data.sh --help\n"),
        (["--seed", "a"], "error: argument --seed: must be a whole number, got 'a'; see local/data.sh --help\n"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_nearest(argv, message, capsys):
    from toolkit.bin.prepare_folder import main

    assert run(main, argv) == 1
    assert capsys.readouterr().err == message


def test_a_mistyped_option_is_said_before_the_missing_one_that_it_is():
    done = python("-m", "toolkit.bin.pack", "--expdirs", "x")
    message = "error: --expdirs: no such option, did you mean --expdir? See python -m toolkit.bin.pack --help\n"
    assert (done.returncode, done.stderr) == (1, message)
    shortened = python("-m", "toolkit.bin.pack", "--exp", "x")
    assert "required: --output" in shortened.stderr


@pytest.mark.parametrize("argv", [["list"], ["merge"], ["merge", "--out_root", "x"]])
def test_jobs_says_which_option_is_missing(argv, capsys):
    from toolkit.bin.jobs import main

    assert run(main, [*argv, "--in_root", "data", "--sets", "train"]) == 1
    assert f"{argv[0]} needs --" in capsys.readouterr().err


def test_the_data_stages_import_neither_torch_nor_matplotlib():
    program = """
import importlib, pkgutil, sys
import toolkit.io, toolkit.simulate
for package in (toolkit.io, toolkit.simulate):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
for name in ("format_audio", "stage", "simulate_plan", "simulate_render"):
    importlib.import_module("toolkit.bin." + name)
print(*sorted({"toolkit", "numpy", "torch", "matplotlib"} & set(sys.modules)))
"""
    done = python("-c", program)
    assert (done.stdout, done.stderr) == ("numpy toolkit\n", "")


def test_short_work_puts_no_progress_into_a_log_file(capsys):
    with progress(5000, "format") as bar:
        for _ in range(5000):
            bar.update()
    assert capsys.readouterr().err.strip() == ""


def test_progress_of_long_work_in_a_log_file_is_a_few_lines(capsys):
    with progress(5000, "format") as bar:
        bar.start_t -= 60  # pretend that a minute has passed
        bar.last_print_t -= 60
        for _ in range(5000):
            bar.update()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert 1 <= len(lines) <= 5
    assert lines[-1].startswith("format: 5000/5000 100%")
    assert lines[-1].endswith("left")


@pytest.mark.parametrize("word", ["nan", "inf", "-1", "1e20", "0", "9" * 30, "x", "", "x\udcff", "\0", "2\n3"])
def test_an_option_out_of_range_is_one_line(word, capsys):
    def main(argv):
        parser = Parser("here")
        parser.add_argument("--count", type=whole_number(1, 9))
        parser.add_argument("--share", type=real_number(0, 1, inside=True))
        parser.parse_args(argv)

    for option in ("--count", "--share"):
        assert run(main, [f"{option}={word}"]) == 1
        message = capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.endswith("\n")
        assert message.count("\n") == 1


@pytest.mark.parametrize(("kind", "word", "value"), [(whole_number(1, 9), "9", 9), (real_number(0, 1), "1", 1.0)])
def test_an_option_in_its_range(kind, word, value):
    assert kind(word) == value


def test_a_message_is_one_line_whatever_it_quotes(capsys):
    assert run(raising(InputError("a\nb\x1b\udcffé: is bad"))) == 1
    assert capsys.readouterr().err == "error: a\\nb\\x1b\\udcffé: is bad\n"


def test_a_file_of_the_current_folder_shadows_nothing(tmp_path):
    for name in ("json", "numpy", "struct", "soundfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current folder')")
    words = [sys.executable, "-m", "toolkit.bin.make_trials", "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ROOT})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("program", "last"), [("-m", "here"), ("/usr/bin/pytest", "there")])
def test_the_folder_that_m_put_first_comes_last(monkeypatch, program, last):
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # is set by it
    monkeypatch.setattr(sys, "path", ["here", "there"])
    monkeypatch.setattr(sys, "argv", [program])
    importlib.reload(toolkit.bin)
    assert sys.path[-1] == last
