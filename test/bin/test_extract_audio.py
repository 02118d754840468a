"""Extraction of files and of data dirs: any rate and length, the level that explains the mixture, clear refusals."""

import numpy as np
import pytest
import soundfile
import yaml
from helpers.plain_tse import TINY_SEFPNET
from helpers.small_extractor import extract, small_extractor, write, write_several

from test.conftest import voice
from toolkit.bin import extract_audio
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.systems.extractor import Extractor
from toolkit.systems.signals import check_signal
from toolkit.train.checkpoint import save


@pytest.fixture(scope="module")
def model():
    return small_extractor()


@pytest.fixture(scope="module")
def system(model, tmp_path_factory):
    """An experiment's folder with random weights."""
    folder = tmp_path_factory.mktemp("exp")
    config = {"model": {"class_path": "toolkit.models.tse.sef_pnet.SEFPNet", "init_args": {**TINY_SEFPNET, "fs": 8000}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    save(folder / "valid.loss.ave.pth", model.state_dict())
    return folder


def words(system, *more) -> list[str]:
    return ["--model", str(system), *map(str, more)]


@pytest.mark.parametrize(
    ("fs", "length", "suffix"), [(44100, 44117, ".flac"), (8000, 8000, ".wav"), (16000, 1600, ".wav")]
)
def test_rate_and_length_in_are_rate_and_length_out(system, tmp_path, fs, length, suffix):
    mixture = write(tmp_path / f"m{suffix}", np.resize(voice(0, 0, 1.0, fs), length), fs)
    enrolment = write(tmp_path / "e.wav", voice(0, 1, 0.8, 22050), 22050)
    out = tmp_path / f"out/o{suffix}"
    extract_audio.main(words(system, "--enroll", enrolment, "--mixture", mixture, "--output", out))
    info = soundfile.info(out)
    assert (info.samplerate, info.frames, info.channels) == (fs, length, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--enroll": "silent.wav"}, "silent.wav: the enrolment is digital silence"),
        ({"--mixture": "silent.wav"}, "silent.wav: the mixture is digital silence"),
        ({"--mixture": "gone.wav"}, "gone.wav: no such file"),
        ({"--mixture": "stereo.wav"}, "has 2 channels"),
        ({"--output": "o.tape"}, "o.tape: unknown audio format TAPE"),
        ({"--output": None}, "--output is missing"),
        ({"--output": "m.wav"}, "m.wav: is an input and the output; name another output"),
        ({"--model": "nowhere"}, "nowhere: no such experiment"),
        ({"--weights": "best.pth"}, "there are: valid.loss.ave.pth"),
        ({"--device": "cuda"}, "--device cuda: no such device here"),
        ({"--enroll_seconds": "0"}, "--enroll_seconds 0: must be a number above 0"),
    ],
)
def test_bad_input_is_named(system, tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    write(tmp_path / "m.wav", voice(0, 0, 0.5), 16000)
    write(tmp_path / "silent.wav", np.zeros(1600), 16000)
    write(tmp_path / "stereo.wav", np.ones((1600, 2)) / 9, 16000)
    options = {"--model": str(system), "--enroll": "m.wav", "--mixture": "m.wav", "--output": "o.wav"} | change
    assert run(extract_audio.main, [w for k, v in options.items() if v is not None for w in (k, v)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("o.*"))


@pytest.fixture
def mixtures(tmp_path):
    """A data dir of three mixtures with enrolments: of speakers 0 and 1, of 1 and 0, of 2 and 0."""
    folder = tmp_path / "raw/two"
    (folder / "audio").mkdir(parents=True)
    tables = {name: {} for name in ("wav.scp", "enroll_spk1.scp", "utt2spk", "utt2interferer")}
    for target, other in ((0, 1), (1, 0), (2, 0)):
        key = f"s{target}-m"
        sound = voice(target, 0, 0.6, 8000) + voice(other, 0, 0.6, 8000)
        tables["wav.scp"][key] = write(folder / f"audio/{key}.wav", sound, 8000)
        tables["enroll_spk1.scp"][key] = write(folder / f"audio/{key}-e.wav", voice(target, 1, 0.9, 8000), 8000)
        tables["utt2spk"][key], tables["utt2interferer"][key] = f"s{target}", f"s{other}"
    for name, rows in tables.items():
        write_table(folder / name, rows)
    (tmp_path / "work").write_text("".join(f"two {key}\n" for key in tables["wav.scp"]))
    return folder


def job(system, mixtures, *more) -> dict[str, np.ndarray]:
    """Run a job; what it extracted."""
    root = mixtures.parent.parent
    roots = ["--in_root", root / "raw", "--out_root", root / "out", "--work", root / "work", "--job", 1]
    extract_audio.main(words(system, *roots, *more))
    write_table(root / "out/two/wav.scp", read_table(root / "out/two/.jobs/1/wav.scp"))
    table = AudioTable(root / "out/two", fs=8000)
    return {key: table.read(key) for key in table.keys()}


def enrolled_by(model, mixtures, mixture: str, enrolment: str, seconds: float = 9.0) -> np.ndarray:
    voices, audio = AudioTable(mixtures, stream="enroll_spk1"), AudioTable(mixtures)
    made = extract(model, audio.read(mixture), voices.read(enrolment)[: round(8000 * seconds)])
    return np.rint(check_signal(made, "") * 32768) / 32768


def test_a_job_extracts_its_mixtures(system, model, mixtures):
    for key, made in job(system, mixtures).items():
        assert np.array_equal(made, enrolled_by(model, mixtures, key, key))


def test_enrolments_are_cut(system, model, mixtures):
    for key, made in job(system, mixtures, "--enroll_seconds", 0.25).items():
        assert np.array_equal(made, enrolled_by(model, mixtures, key, key, 0.25))


def test_so_much_of_the_mixture_is_added(system, mixtures):
    alone, half = job(system, mixtures), job(system, mixtures, "--observation", "0.25")
    audio = AudioTable(mixtures)
    for key, samples in half.items():
        np.testing.assert_allclose(samples, 0.75 * alone[key] + 0.25 * audio.read(key), atol=2 / 32768)


def test_an_absent_speaker_is_none_of_the_mixture(system, model, mixtures):
    actual = job(system, mixtures, "--absent")
    for key, stranger in (("s0-m", "s2-m"), ("s1-m", "s2-m"), ("s2-m", "s1-m")):
        assert np.array_equal(actual[key], enrolled_by(model, mixtures, key, stranger))


def test_options_of_files(system, model, tmp_path):
    mixture, enrolment = voice(0, 0, 1.0, 8000) + voice(1, 0, 1.0, 8000), voice(0, 1, 1.0, 8000)
    one = [
        "--enroll",
        write(tmp_path / "e.wav", enrolment, 8000),
        "--mixture",
        write(tmp_path / "m.wav", mixture, 8000),
    ]
    half = write(tmp_path / "half.wav", enrolment[:4000], 8000)
    extract_audio.main(words(system, *one, "--enroll_seconds", 0.5, "--output", tmp_path / "a.wav"))
    extract_audio.main(words(system, "--enroll", half, *one[2:], "--output", tmp_path / "b.wav"))
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    for option in (["--absent"], ["--enroll_from", "dump/raw/x"]):
        assert run(extract_audio.main, words(system, *one, *option, "--output", tmp_path / "c.wav")) == 1
    assert not (tmp_path / "c.wav").exists()


@pytest.fixture
def several(tmp_path) -> list[str]:
    return write_several(tmp_path)


def test_a_job_takes_the_several_that_utt2enroll_names(system, model, mixtures):
    table, root = AudioTable(mixtures, stream="enroll_spk1"), mixtures.parent
    write_table(root / "voices/wav.scp", table.values)
    write_table(mixtures / "utt2enroll", {"s0-m": "s0-m s2-m", "s1-m": "s1-m", "s2-m": "s2-m s1-m s0-m"})
    made, mixed = job(system, mixtures, "--enroll_from", root / "voices"), AudioTable(mixtures)
    for key, utts in (("s0-m", ("s0-m", "s2-m")), ("s1-m", ("s1-m",)), ("s2-m", ("s2-m", "s1-m", "s0-m"))):
        expected = extract(model, mixed.read(key), np.concatenate([table.read(utt) for utt in utts]))
        assert np.array_equal(made[key], np.rint(check_signal(expected, "") * 32768) / 32768)
    write_table(mixtures / "utt2enroll", dict.fromkeys(table.values, "s0-m nobody"))
    with pytest.raises(InputError, match="1 enrolment .*: nobody"):
        job(system, mixtures, "--enroll_from", root / "voices")


def test_files_of_several_enrolments(system, model, several, tmp_path):
    mixture = write(tmp_path / "m.wav", voice(0, 0, 0.5, 8000), 8000)
    extract_audio.main(words(system, "--enroll", *several, "--mixture", mixture, "--output", tmp_path / "o.wav"))
    expected = check_signal(Extractor(model).extract(mixture, several), "")
    assert np.abs(soundfile.read(tmp_path / "o.wav")[0] - expected).max() <= 1 / 32768


def test_a_silent_enrolment_of_a_set_is_named(system, mixtures, capsys):
    soundfile.write(mixtures / "audio/s1-m-e.wav", np.zeros(800), 8000)
    root = mixtures.parent.parent
    roots = ["--in_root", root / "raw", "--out_root", root / "out", "--work", root / "work", "--job", 1]
    assert run(extract_audio.main, words(system, *roots)) == 1
    assert "s1-m: its enrolment" in capsys.readouterr().err
