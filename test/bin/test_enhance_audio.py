"""enhance_audio: a file as it was but for the noise; data dirs; observation adding; what is refused."""

import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
import yaml

from toolkit.bin import enhance_audio
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import merge
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.packing import pack

SIZES = {"filters": 8, "filter_samples": 32, "bottleneck": 4, "hidden": 4, "blocks": 2, "repeats": 1}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A tiny Conv-TasNet with random weights, as an experiment's folder."""
    path = tmp_path_factory.mktemp("exp") / "se_tiny"
    path.mkdir()
    model = {"class_path": "toolkit.models.se.conv_tasnet.ConvTasNet", "init_args": SIZES}
    (path / "config.yaml").write_text(yaml.safe_dump({"model": model}))
    torch.manual_seed(0)
    torch.save(ConvTasNet(**SIZES).state_dict(), path / "valid.loss.ave.pth")
    return path


def enhance(experiment, source, target, *options):
    words = ["--model", experiment, "--input", source, "--output", target, *options]
    enhance_audio.main([str(word) for word in words])
    return soundfile.read(target, dtype="float32")


def recording(path, rate=16000, seconds=1.0, channels=1):
    rng = np.random.default_rng(0)
    soundfile.write(path, 0.1 * rng.standard_normal((round(rate * seconds), channels)), rate)
    return path


@pytest.mark.parametrize(("rate", "seconds"), [(16000, 1.0), (8000, 0.7123), (44100, 0.5), (48000, 0.1)])
def test_rate_and_length_stay(experiment, tmp_path, rate, seconds):
    made, fs = enhance(experiment, recording(tmp_path / "in.wav", rate, seconds), tmp_path / "out.flac")
    assert (len(made), fs) == (round(rate * seconds), rate)


def test_a_file_is_what_the_network_makes_of_it(experiment, tmp_path):
    made, _ = enhance(experiment, recording(tmp_path / "in.wav"), tmp_path / "out.wav")
    noisy, _ = soundfile.read(tmp_path / "in.wav", dtype="float32")
    with torch.inference_mode():
        expected = Enhancer.load(experiment).network(torch.from_numpy(noisy)[None])[0].numpy()
    assert np.abs(made - expected).max() < 1.5 / 32768
    pack(experiment, tmp_path / "packed.zip", "valid.loss.ave.pth")
    assert (enhance(tmp_path / "packed.zip", tmp_path / "in.wav", tmp_path / "again.wav")[0] == made).all()


@pytest.mark.parametrize("beta", [0.25, 1])
def test_observation_adding(experiment, tmp_path, beta):
    source = recording(tmp_path / "in.wav")
    alone, _ = enhance(experiment, source, tmp_path / "alone.wav")
    made, _ = enhance(experiment, source, tmp_path / "out.wav", "--observation", beta)
    noisy, _ = soundfile.read(source, dtype="float32")
    assert np.abs(made - (beta * noisy + (1 - beta) * alone)).max() < 2 / 32768


def test_data_dirs_keep_their_tables(experiment, corpus, tmp_path):
    keys = DataDir(corpus / "raw/dev").keys()
    for job, part in enumerate(np.array_split(keys, 2), 1):
        (tmp_path / f"work.{job}").write_text("".join(f"dev {key}\n" for key in part))
        words = ["--model", experiment, "--in_root", corpus / "raw", "--out_root", tmp_path]
        enhance_audio.main([str(word) for word in (*words, "--work", tmp_path / f"work.{job}", "--job", job)])
    merge(corpus / "raw", tmp_path, "dev", 2, ["wav"])
    before, after = AudioTable(corpus / "raw/dev"), AudioTable(tmp_path / "dev", fs=16000)
    assert after.keys() == keys
    assert read_table(tmp_path / "dev/utt2spk") == read_table(corpus / "raw/dev/utt2spk")
    assert (tmp_path / "dev/trials").read_bytes() == (corpus / "raw/dev/trials").read_bytes()
    noisy = before.read(keys[-1])
    with torch.inference_mode():
        expected = Enhancer.load(experiment).network(torch.from_numpy(noisy)[None])[0].numpy()
    assert np.abs(after.read(keys[-1]) - expected).max() < 1.5 / 32768


def test_a_long_recording_needs_no_more_memory_than_itself(experiment, tmp_path):
    """What numpy holds at most, against the samples (torch's own buffers are those of a chunk: test_conv_tasnet)."""
    source = recording(tmp_path / "in.wav", seconds=120.0)
    tracemalloc.start()
    made, _ = enhance(experiment, source, tmp_path / "out.wav")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(made) == 120 * 16000
    assert most < 8 * 4 * len(made)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--observation", "1.5"], "--observation 1.5: must be a number from 0 to 1"),
        (["--observation", "nan"], "--observation nan: must be a number"),
        (["--output", "x.wav"], "--input is missing: give --input and --output together"),
        (
            ["--work", "w", "--in_root", "a"],
            "--out_root is missing: give --in_root, --out_root, --work and --job together",
        ),
        (["--input", "none.wav", "--output", "x.wav"], "none.wav"),
        (["--input", "two.wav", "--output", "x.wav"], "two.wav"),
        (["--input", "silent.wav", "--output", "x.wav"], "silent.wav: the recording is digital silence"),
        (["--input", "one.wav", "--output", "x.mp7"], "x.mp7: unknown audio format MP7"),
        (["--input", "one.wav", "--output", "/proc/x.wav"], "/proc/x.wav: cannot be written ("),
        (["--input", "one.wav", "--output", "../here/one.wav"], "../here/one.wav: is an input and the output"),
        (["--input", "one.wav", "--output", "x.wav", "--weights", "best.pth"], "best.pth: no such weights; there are"),
    ],
)
def test_what_is_refused(experiment, tmp_path, monkeypatch, words, message):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    recording("one.wav", seconds=0.1)
    before = (tmp_path / "here/one.wav").read_bytes()
    recording("two.wav", seconds=0.1, channels=2)
    soundfile.write("silent.wav", np.zeros(2000), 16000)
    with pytest.raises(InputError) as caught:
        enhance_audio.main(["--model", str(experiment), *words])
    assert message in str(caught.value)
    assert not (tmp_path / "here/x.wav").exists()
    assert (tmp_path / "here/one.wav").read_bytes() == before


def test_what_is_too_loud_is_softened_and_said(experiment, tmp_path, caplog):
    loud = 1.5 * np.random.default_rng(0).standard_normal(1600)
    soundfile.write(tmp_path / "in.wav", loud, 16000, subtype="FLOAT")
    made, _ = enhance(experiment, tmp_path / "in.wav", tmp_path / "out.wav", "--observation", "1")
    assert np.abs(made - 0.99 / np.abs(loud).max() * loud).max() < 2 / 32768
    peak = np.abs(loud).max()
    assert f"peaks at {peak:.2f} of full scale; written at {0.99 / peak:.2f} of its level" in caplog.text


def test_one_of_several_channels(experiment, tmp_path):
    source = recording(tmp_path / "two.wav", channels=2)
    samples, _ = soundfile.read(source, dtype="float32")
    soundfile.write(tmp_path / "one.wav", samples[:, 1], 16000)
    chosen, _ = enhance(experiment, source, tmp_path / "a.wav", "--channel", "1")
    alone, _ = enhance(experiment, tmp_path / "one.wav", tmp_path / "b.wav")
    assert (chosen == alone).all()
