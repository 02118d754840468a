"""Every program ends well, or with one line that begins with ``error:``, and leaves what was there as it was."""

import contextlib
import importlib
import io
import os
import pkgutil
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit.bin
from test.fuzz import damage, world
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.metrics.cost import complexity
from toolkit.simulate.minicorpus import corpus as minicorpus
from toolkit.tasks import registry, training

JOB = "--out_root out --work work.{0} --job 1"
TRAIN = "--train_dir raw/{0} --valid_dirs [raw/{0}] --expdir out"
# A command that ends well, of each program; one that is not here is tried with its options alone.
GOOD = {
    "audio_durations": "data/test/wav.scp out/utt2dur --rates out/rates",
    "change_speed": "0.9 data/test/audio/s00-u0.wav",
    "distinct_audio": "--data_root raw --sets test mix --output out",
    "dump_features": "--in_root raw --config sv.yaml " + JOB.format("test"),
    "format_audio": "--in_root data " + JOB.format("test"),
    "jobs": "merge --in_root raw --out_root emb --sets test --num_jobs 2 --stems embedding",
    "make_minicorpus": "--outdir mini --workers 1",
    "make_trials": "data/test --targets_per_speaker 2 --enroll_utts 2",
    "network_info": "--config sv.yaml --seconds 0.2",
    "pack": "--expdir exp/se --weights valid.loss.ave.pth --output out/packed.zip",
    "prepare_folder": "--speech speech --noise data/noise/audio --outdir out",
    "prepare_minicorpus": "--corpus mini --outdir out",
    "report": "--expdir exp/sv --output out/RESULTS.md",
    "enhance_audio": "--model exp/se --in_root raw " + JOB.format("test"),
    "compare_audio": "--a exp/se/scores/mix --b exp/tse/scores/mix --resamples 20 --output out/c.json",
    "infer": "sv --model exp/sv --in_root raw " + JOB.format("test"),
    "score": "se --in_root raw --ref_root raw " + JOB.format("mix"),
    "score_audio": "--in_root raw --ref_root raw --input wav --interferer spk2 " + JOB.format("mix"),
    "score_intents": "--in_root exp/ic/intents --ref_root exp/ic/intents --sets test --out_root out --resamples 20",
    "score_units": "--in_root exp/ssl/predictions --ref_root raw --sets test --out_root out --resamples 20",
    "cluster_frames": "--clusters 2 --restarts 1 --output out/units raw/test",
    "score_text": "--in_root exp/asr/transcripts --ref_root exp/asr/transcripts --sets test --out_root out "
    "--resamples 20",
    "statistics": "tse --config tse.yaml --output out " + TRAIN.format("mix"),
    "summarise_audio": "--in_root exp/se/metrics --sets mix --data_root raw --out_root out --resamples 20",
    "simulate_plan": "--config simulate.yaml --data raw/test --name two --out_root out --enroll fixed",
    "simulate_render": "--in_root sim --streams all " + JOB.format("mix"),
    "calibrate_scores": "--scores exp/sv/scores/test/scores.txt --trials raw/test/trials --output out/c.json",
    "compare_trials": "--a exp/sv/scores/test --b exp/sv/scores/test --utt2spk raw/test/utt2spk --resamples 20",
    "embed_utterances": "--model exp/sv --in_root raw " + JOB.format("test"),
    "listen_trials": "--model exp/sv --sets raw/mix --output out",
    "score_trials": "--trials raw/test/trials --embeddings emb/test/embedding.scp --utt2spk raw/test/utt2spk "
    "--resamples 20 --output out --data_dir raw/test --breakdown gender --calibration calibration.json",
    "train": "sv --config sv.yaml --check " + TRAIN.format("test"),
    "extract_audio": "--model exp/tse --in_root raw " + JOB.format("mix"),
}
# With former names of programs among them.
PROGRAMS = sorted({m.name for m in pkgutil.iter_modules(toolkit.bin.__path__)} | GOOD.keys())
IN_PARTS = {"make_minicorpus", "report", "infer", "score", "simulate_plan"}  # as jobs: file by file, each whole


def options_of(program) -> list[str]:
    """The long options of a program."""
    if program.__name__.endswith((".train", ".statistics")):
        parser = training.get_parser(registry.get("sv"), "")
    elif not (hasattr(program, "parser") or hasattr(program, "get_parser")):  # its options are those of a task's part
        return []
    else:
        parser = program.parser if hasattr(program, "parser") else program.get_parser()
    return sorted(
        o for o in parser._option_string_actions if o.startswith("--") and o not in ("--help", "--print_config")
    )


@st.composite
def commands(draw, name: str, options: list[str]) -> list[str]:
    """The good command with some options of other values."""
    words = GOOD.get(name, "").split()
    for _ in range(draw(st.integers(0, 2))):
        value = draw(st.sampled_from([*damage.NUMBERS, *damage.WORDS, *words]) | st.text(damage.no_pipe, max_size=8))
        if words and draw(st.booleans()):
            words[draw(st.integers(0, len(words) - 1))] = value
        else:
            words += [draw(st.sampled_from([*options, "--unknown"])), value]
    return words


def snapshot(folder: Path) -> dict[str, tuple]:
    """Size and time of all files."""
    actual = {}
    for root, _, names in os.walk(folder):
        for name in names:
            facts = os.stat(os.path.join(root, name))
            actual[os.path.join(root, name)] = facts.st_mtime_ns, facts.st_size
    return actual


class Whole:
    """A folder as it is now, to which it can be brought back."""

    def __init__(self, folder: Path):
        self.folder, self.seen = folder, snapshot(folder)
        self.contents = {path: Path(path).read_bytes() for path in self.seen}

    def bring_back(self) -> None:
        """Remove what is new, write again what has changed."""
        for path in snapshot(self.folder).keys() - self.seen.keys():
            os.unlink(path)
        for path, facts in self.seen.items() - snapshot(self.folder).items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(self.contents[path])
            os.utime(path, ns=(facts[0], facts[0]))


def check(name: str, words: list[str], folder: Path) -> None:
    """The property."""
    program, out, stderr = importlib.import_module(f"toolkit.bin.{name}"), io.TextIOWrapper(io.BytesIO()), io.StringIO()
    before = snapshot(folder)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(stderr), world.within(60):
        try:
            code = run(program.main, words)
        except SystemExit as end:
            code = end.code or 0
    errors = [line for line in stderr.getvalue().splitlines() if not line.startswith(("warning: left out", "left out"))]
    assert code in (0, 1), (code, words)
    assert "Traceback" not in stderr.getvalue(), words
    if code:
        assert [line[:7] for line in errors] == ["error: "], (words, errors)
        after = snapshot(folder)
        if name in IN_PARTS or "--work" in words:
            assert not [path for path in after.keys() - before.keys() if path.endswith(".tmp") or ".tmp." in path]
        else:
            assert after == before, (words, errors)


def nothing_is_made(*_):
    """In the place of what takes minutes."""
    raise InputError("nothing is made here")


def fuzz(name: str, folder: Path, monkeypatch, examples: int) -> None:
    """Try a program this number of times."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(minicorpus, "run_all", nothing_is_made)
    for measure in ("measure_peak_memory", "measure_rtf"):
        monkeypatch.setattr(complexity, measure, lambda *_: 0.0)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    whole = Whole(folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    options = options_of(importlib.import_module(f"toolkit.bin.{name}"))
    good = [word.strip("[]") for word in GOOD.get(name, "").split()]
    near = [file for file in files if any(file == word or file.startswith(f"{word}/") for word in good)] or files
    texts = [file for file in near if not file.endswith((".ark", ".wav", ".npz", ".pth"))] or near

    @settings(max_examples=examples, **damage.SETTINGS)
    @given(st.data())
    def one(data):
        words, file = data.draw(commands(name, options)), None
        if data.draw(st.booleans()):
            file = Path(data.draw(st.sampled_from(texts) | st.sampled_from(near) | st.sampled_from(files)))
            file.write_bytes(data.draw(damage.damaged(file.read_bytes())))
        try:
            check(name, words, folder)
        finally:
            whole.bring_back()

    one()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_good_command_ends_well(name, folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        assert run(importlib.import_module(f"toolkit.bin.{name}").main, GOOD[name].split()) == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_refuse_in_one_line(name, folder, monkeypatch):
    fuzz(name, folder, monkeypatch, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_refuse_in_one_line_at_length(name, folder, monkeypatch):
    fuzz(name, folder, monkeypatch, 300)
