"""Downstream scoring of the mini enhancement recipe at a tiny size: four systems, four conditions, truth by hand."""

import json

import jiwer
import numpy as np
import pytest
import soundfile
from helpers.tiny_systems import tiny_classifier, tiny_recogniser

from toolkit.data.text_units import EMPTY
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table, write_table
from toolkit.systems.verifier import Verifier

from .test_mini_se import PHASE_1, VERIFIER

SET = "test4_noise_5"
SLOTS = {"what": ["on", "off"], "where": ["here", "there"]}
# The words are the number of samples in hundreds and, for the level, LOUD or soft.
STAND_IN = """\
import numpy as np
class Decoder:
    def __init__(self, **options): assert options["cmn"] == "batch"
    def start_utt(self): pass
    def process_raw(self, data, full_utt): self.samples = np.frombuffer(data, "<i2"); assert full_utt
    def end_utt(self): pass
    def hyp(self):
        self.hypstr = f"n{len(self.samples) // 100} " + ("LOUD" if np.std(self.samples) > 2000 else "soft")
        return self
"""
AUDIO = {"noisy": "exp/downstream", "enhanced": "exp/se_one/downstream", "enhanced_beta0.5": "exp/se_one/downstream"}
AUDIO |= {"clean": "exp/downstream"}


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after all stages; its test set has intents, too."""
    folder = tree.copy("mini/se")
    (folder / "sv_floor").mkdir()
    (folder / "sv_floor/config.yaml").write_text(f"task: sv\n{VERIFIER}")
    tiny_recogniser(folder / "asr_tiny")
    tiny_classifier(folder / "tiny", SLOTS)
    (folder / "fakes/pocketsphinx").mkdir(parents=True)
    (folder / "fakes/pocketsphinx/__init__.py").write_text(STAND_IN)
    with (folder / "local/data.sh").open("a") as script:
        script.write('\nawk \'{ print $1, NR % 2 ? "what=on where=here" : "where=there what=off" }\' ')
        script.write("data/test4/utt2spk >data/test4/utt2intent\n")
    done = run(folder, tree)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (folder / "first.log").write_text(done.stdout)
    return folder


def run(folder, tree, *words, systems="asr_tiny sv_floor tiny pocketsphinx"):
    options = ["--observations", "0.5", "--downstream", systems, "--nj", "1", "--inference_nj", "1"]
    return tree.run(folder, "./run.sh", *PHASE_1, *options, *words, PYTHONPATH=str(folder / "fakes"))


def result_of(recipe, system: str, audio: str, file: str = "result.json") -> dict:
    return json.loads((recipe / AUDIO[audio] / system / audio / "scores" / SET / file).read_text())


def labels_of(recipe, system: str, audio: str, table: str) -> dict[str, str]:
    return read_table(recipe / AUDIO[audio] / system / audio / "labels" / SET / table)


def samples_of(recipe, audio: str) -> dict[str, np.ndarray]:
    """Utterance -> samples of a condition."""
    folder = "dump/raw" if audio in ("noisy", "clean") else f"exp/se_one/{audio}"
    table = AudioTable(f"{folder}/{SET}", stream="spk1" if audio == "clean" else "wav")
    return {key: table.read(key) for key in table.keys()}


@pytest.mark.parametrize("audio", AUDIO)
def test_word_errors_are_those_of_jiwer(recipe, audio):
    references = read_table(recipe / "data/test4/text")
    for system in ("asr_tiny", "pocketsphinx"):
        texts = labels_of(recipe, system, audio, "text")
        assert texts.keys() == references.keys()
        plain = [text.lower() for text in references.values()]
        heard = ["" if texts[utt] == EMPTY else texts[utt].lower() for utt in references]
        value = result_of(recipe, system, audio)["metrics"]["wer"]["value"]
        assert value == pytest.approx(100 * jiwer.wer(plain, heard), abs=1e-4)


@pytest.mark.parametrize("audio", AUDIO)
def test_every_condition_is_heard_as_it_is(recipe, audio, monkeypatch):
    monkeypatch.chdir(recipe)
    texts = labels_of(recipe, "pocketsphinx", audio, "text")
    for utt, samples in samples_of(recipe, audio).items():
        level = np.std((32767 * samples.clip(-1, 1)).astype("<i2"))
        assert texts[utt] == f"n{len(samples) // 100} {'LOUD' if level > 2000 else 'soft'}"


@pytest.mark.parametrize("audio", AUDIO)
def test_accuracy_is_the_share_of_equal_intents(recipe, audio):
    intents = labels_of(recipe, "ic_tiny", audio, "utt2intent")
    references = read_table(recipe / "data/test4/utt2intent")
    equal = [{*intents[utt].split()} == {*text.split()} for utt, text in references.items()]
    value = result_of(recipe, "ic_tiny", audio)["metrics"]["intent_accuracy"]["value"]
    assert value == pytest.approx(100 * np.mean(equal), abs=1e-4)


@pytest.mark.parametrize("audio", AUDIO)
def test_scores_of_trials_are_cosines_of_this_audio(recipe, audio, monkeypatch):
    monkeypatch.chdir(recipe)
    verifier = Verifier.load("sv_floor")
    vectors = {utt: verifier.embed(samples, 16000) for utt, samples in samples_of(recipe, audio).items()}
    scores = (recipe / AUDIO[audio] / "sv_floor" / audio / "scores" / SET / "scores.txt").read_text().splitlines()
    trials = (recipe / "data/test4/trials").read_text().splitlines()
    assert len(scores) == len(trials) > 2
    targets, nontargets = [], []
    for line, trial in zip(sorted(scores), sorted(trials), strict=True):
        first, second, score, *_ = line.split()
        assert float(score) == pytest.approx(float(vectors[first] @ vectors[second]), abs=2e-3)
        (nontargets if "nontarget" in trial else targets).append(float(score))
    thresholds = sorted({*targets, *nontargets})
    misses = [np.mean([t < x for t in targets]) for x in thresholds]
    alarms = [np.mean([n >= x for n in nontargets]) for x in thresholds]
    nearest = min(max(miss, alarm) for miss, alarm in zip(misses, alarms, strict=True))
    eer = result_of(recipe, "sv_floor", audio, "metrics.json")["metrics"]["eer"]["value"] / 100
    assert min(m for m in map(min, zip(misses, alarms, strict=True))) <= eer <= nearest


def test_nothing_is_done_twice(recipe, tree):
    assert (recipe / "first.log").read_text().count("enhanced") > 0
    made = {path: path.stat().st_mtime_ns for path in recipe.glob("exp/**/labels/*/*") if path.is_file()}
    audio = {path: path.stat().st_mtime_ns for path in recipe.glob("exp/se_one/enhanced*/*/wav.scp")}
    done = run(recipe, tree, "--stage", "8")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in {**made, **audio}} == {**made, **audio}


FAULTS = {
    "nosuch": "nosuch",
    "exp/se_one": "exp/se_one: is for task se",
    "whisper:medium": "whisper is not installed",
    "whisper": "whisper: must be",
    "sv_floor sv_floor/": "another system is named sv_floor",
}


@pytest.mark.parametrize(("systems", "message"), FAULTS.items())
def test_systems_that_cannot_be_used_are_named_before_any_work(recipe, tree, systems, message):
    done = run(recipe, tree, systems=systems)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "stage 1" not in done.stdout


def test_a_system_for_another_rate_is_named(recipe, tree):
    if not (recipe / "asr_other").exists():
        tiny_recogniser(recipe / "asr_other", fs=8000)
    done = run(recipe, tree, systems="asr_other")
    assert done.returncode == 1
    assert "asr_other: is for 8000 Hz, the recordings are at 16000 Hz" in done.stderr


def spoilt(recipe, tree, table: str, change):
    """A run of stages 3 to 8 whose test set has another table; the table is put back."""
    path = recipe / f"data/test4/{table}"
    before = path.read_text()
    change(path)
    done = run(recipe, tree, "--stage", "3", "--stop_stage", "8")
    path.write_text(before)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


@pytest.mark.parametrize(("table", "system"), [("text", "asr_tiny"), ("utt2intent", "ic_tiny"), ("trials", "sv_floor")])
def test_a_table_that_is_missing_is_named(recipe, tree, table, system):
    message = spoilt(recipe, tree, table, lambda path: path.unlink())
    assert f"{system}: data/test4/{table} not found" in message


def test_one_speaker_has_no_trials(recipe, tree):
    path = recipe / "data/test4/utt2spk"
    before = path.read_text()
    write_table(path, dict.fromkeys(read_table(path), "spk1"))
    message = spoilt(recipe, tree, "trials", lambda path: path.unlink())
    path.write_text(before)
    assert "data/test4/utt2spk has 1 speaker" in message


def test_audio_of_another_rate_is_named(recipe, tree, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    first = next(iter(read_table(recipe / f"dump/raw/{SET}/wav.scp")))
    write_table(tmp_path / "in/one/wav.scp", {first: str(tmp_path / "a.wav")})
    write_table(tmp_path / "in/one/utt2spk", {first: "s"})
    (tmp_path / "work").write_text(f"one {first}\n")
    words = ["--model", "pocketsphinx", "--in_root", f"{tmp_path}/in", "--out_root", f"{tmp_path}/out"]
    program = ["python3", "-m", "toolkit.bin.downstream", *words, "--work", f"{tmp_path}/work", "--job", "1"]
    done = tree.run(recipe, "bash", "-c", '. ./path.sh && "$@"', "x", *program, PYTHONPATH=str(recipe / "fakes"))
    assert done.returncode == 1
    assert first in done.stderr
    assert "8000" in done.stderr
    assert not (tmp_path / "out").exists()
