"""utils/perturb_data_dir_speed.sh: the same utterances at another speed, as other speakers, that stage 2 reads."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.jobs import merge
from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.render import render

ROOT = Path(__file__).resolve().parents[2]


def lines(path):
    return path.read_text().splitlines()


def sine(hertz, seconds, rate):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def pitch(samples, rate):
    """Frequency of a sine: the peak of a zero-padded spectrum, to 0.1 Hz."""
    size = 10 * rate
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    return np.argmax(spectrum) * rate / size


@pytest.fixture
def utils(warm_utils):
    return warm_utils


@pytest.fixture
def stage2(tmp_path, python):
    """``stage2(set)``: the formatted audio of a set, as a recipe's jobs make it."""

    def _stage2(name):
        keys = [line.split()[0] for line in lines(tmp_path / name / "utt2spk")]
        (tmp_path / "work").write_text("".join(f"{name} {key}\n" for key in keys))
        roots = ["--in_root", str(tmp_path), "--out_root", str(tmp_path / "raw"), "--work", str(tmp_path / "work")]
        command = [python, "-m", "toolkit.bin.format_audio", *roots, "--job", "1", "--allow_pipes", "--channel", "0"]
        environment = {"PYTHONPATH": str(ROOT), "PATH": f"{python.parent}:{os.environ['PATH']}"}
        subprocess.run(command, cwd=tmp_path, env=os.environ | environment, check=True)
        merge(tmp_path, tmp_path / "raw", name, 1, ["wav"])
        return AudioTable(tmp_path / "raw" / name)

    return _stage2


@pytest.fixture
def sines(data_dir, tmp_path):
    """1 kHz for 1 s: a wav, a stereo flac at 44.1 kHz whose name has blanks and quotes, a command, an ark."""
    soundfile.write(tmp_path / "1.wav", sine(1000, 1, 16000), 16000)
    soundfile.write(tmp_path / 'it\'s "2" $HOME.flac', np.stack([sine(1000, 1, 44100), sine(500, 1, 44100)], 1), 44100)
    soundfile.write(tmp_path / "3.wav", sine(1000, 1, 8000), 8000)
    with ArkWriter(tmp_path / "4.ark") as ark:
        ark.write_audio("x", sine(1000, 1, 16000), 16000)
    wav = ["a-1 1.wav", 'a-2 it\'s "2" $HOME.flac', "b-1 cat '3.wav'; true |", f"b-2 {ark.scp['x']}"]
    return data_dir("src", {"wav.scp": "".join(f"{line}\n" for line in wav)})


@pytest.mark.usefixtures("sines")
@pytest.mark.parametrize("factor", ["0.9", "1.25"])
def test_stage_2_reads_it_to_the_right_length_and_pitch(call, stage2, factor):
    call("perturb_data_dir_speed.sh", factor, "src", "dest")
    audio = stage2("dest")
    assert audio.keys() == [f"sp{factor}-{key}" for key in ("a-1", "a-2", "b-1", "b-2")]
    for key in audio.keys():
        samples = audio.read(key)
        assert abs(len(samples) - 16000 / float(factor)) <= 2
        assert pitch(samples[1000:-1000], 16000) == pytest.approx(1000 * float(factor), abs=0.3)
        assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.3, rel=0.02)


@pytest.mark.usefixtures("sines")
def test_the_samples_are_those_of_the_recipe_s_own_speed(call, stage2):
    call("perturb_data_dir_speed.sh", "1.1", "src", "dest")
    original, perturbed = stage2("src"), stage2("dest").read("sp1.1-a-1")
    length = len(perturbed) - 2
    mixture = Mixture("m", 16000, length, (Source("spk1", "a-1", length, speed=1.1),), "a")
    np.testing.assert_allclose(perturbed[:length], render(mixture, original)["wav"], atol=1.01 / 32768)


@pytest.mark.usefixtures("sines")
def test_durations_of_the_result(call, tmp_path):
    call("get_utt2dur.sh", "--allow-pipes", "true", "src")
    call("perturb_data_dir_speed.sh", "0.8", "src", "dest")
    assert lines(tmp_path / "dest/utt2dur")[0] == "sp0.8-a-1 1.25"
    (tmp_path / "dest/utt2dur").unlink()
    call("get_utt2dur.sh", "--allow-pipes", "true", "dest")
    assert [line.split()[1] for line in lines(tmp_path / "dest/utt2dur")] == ["1.2500"] * 4


def test_ids_and_facts(call, data_dir, tmp_path):
    facts = {"text": "a-1 Hello  you\na-2 x\nb-1 x\nb-2 x\n", "spk2gender": "a m\nb f\n", "utt2dur": "a-1 0.9\n"}
    facts["utt2dur"] += "a-2 1\nb-1 100\nb-2 1\n"
    made = dict.fromkeys(["feats.scp", "vad.scp", "utt2num_frames", "utt2num_samples"], "a-1 1\na-2 1\nb-1 1\nb-2 1\n")
    path = data_dir("src", facts | made | {"cmvn.scp": "a x\nb x\n", "feats_conf.yaml": "n: 1\n"})
    done = call("perturb_data_dir_speed.sh", "0.90", path, "dest")
    dest = tmp_path / "dest"
    expected = {"utt2spk", "spk2utt", "wav.scp", "text", "spk2gender", "utt2dur", "utt2uniq"}
    assert {p.name for p in dest.iterdir()} == expected
    assert "left out cmvn.scp feats.scp feats_conf.yaml utt2num_frames utt2num_samples vad.scp" in done.stdout
    assert lines(dest / "utt2spk")[2] == "sp0.9-b-1 sp0.9-b"
    assert lines(dest / "spk2utt")[0] == "sp0.9-a sp0.9-a-1 sp0.9-a-2"
    assert lines(dest / "text")[0] == "sp0.9-a-1 Hello  you"
    assert lines(dest / "spk2gender") == ["sp0.9-a m", "sp0.9-b f"]
    assert lines(dest / "utt2dur")[:3] == ["sp0.9-a-1 1", "sp0.9-a-2 1.111111", "sp0.9-b-1 111.111111"]
    assert lines(dest / "utt2uniq")[3] == "sp0.9-b-2 b-2"
    assert lines(dest / "wav.scp")[0] == "sp0.9-a-1 python3 -m toolkit.bin.change_speed 0.9 a1.wav |"


def test_segments_and_recordings(call, segmented, tmp_path):
    path = segmented("src", {"reco2dur": "r1 2\nr2 10\n", "reco2file_and_channel": "r1 f A\nr2 f B\n"})
    call("perturb_data_dir_speed.sh", "0.8", path, "dest")
    dest = tmp_path / "dest"
    assert lines(dest / "segments")[1] == "sp0.8-a-2 sp0.8-r1 1.875 2.5"
    assert lines(dest / "segments")[3] == "sp0.8-b-2 sp0.8-r2 2.5 3.75"
    assert lines(dest / "reco2dur") == ["sp0.8-r1 2.5", "sp0.8-r2 12.5"]
    assert lines(dest / "wav.scp")[1] == "sp0.8-r2 python3 -m toolkit.bin.change_speed 0.8 2.wav |"


def test_segments_are_cut_where_the_speech_is(call, segmented, stage2, tmp_path):
    rate = 16000
    for name, tones in {"1.wav": [400, 700], "2.wav": [500, 900, 600]}.items():
        parts = [sine(hertz, 1.5 if i == 0 and name == "1.wav" else 1, rate) for i, hertz in enumerate(tones)]
        soundfile.write(tmp_path / name, np.concatenate(parts), rate)
    call("perturb_data_dir_speed.sh", "1.1", segmented("src"), "dest")
    audio = stage2("dest")
    pitches = [pitch(audio.read(key)[200:-200], rate) for key in audio.keys()]
    assert pitches == pytest.approx([440, 770, 550, 660], abs=0.5)


def test_uniq_is_that_of_the_source(call, data_dir, tmp_path):
    path = data_dir("src", {"utt2uniq": "a-1 x\na-2 x\nb-1 y\nb-2 y\n"})
    call("perturb_data_dir_speed.sh", "2", path, "dest")
    assert lines(tmp_path / "dest/utt2uniq")[0] == "sp2-a-1 x"


def test_a_mixture_set(call, mixture, tmp_path):
    call("perturb_data_dir_speed.sh", "1.1", mixture("src"), "dest")
    dest, command = tmp_path / "dest", "python3 -m toolkit.bin.change_speed 1.1"
    for stream in ("spk1", "spk2", "noise1", "dereverb1"):
        assert lines(dest / f"{stream}.scp")[0] == f"sp1.1-a-1 {command} mix.1.ark:7 |"
    assert lines(dest / "enroll_spk1.scp")[0] == "sp1.1-a-1 *sp1.1-a-1 sp1.1-a"
    assert lines(dest / "enroll_spk2.scp")[0] == f"sp1.1-a-1 {command} other.flac |"
    assert lines(dest / "utt2snr")[0] == "sp1.1-a-1 -2.5"
    assert not (dest / "mix.jsonl").exists()


def test_embeddings_have_no_speed(call, mixture):
    path = mixture("src", {"enroll_spk2.scp": "a-1 a.npy\na-2 a.npy\nb-1 a.npy\nb-2 a.npy\n"})
    assert "enroll_spk2.scp: holds embeddings" in call("perturb_data_dir_speed.sh", "1.1", path, "dest", code=1).stderr


def test_three_speeds_combined(call, data_dir, tmp_path):
    data_dir("src")
    for factor in ("0.9", "1.1"):
        call("perturb_data_dir_speed.sh", factor, "src", f"sp{factor}")
    call("combine_data.sh", "all", "src", "sp0.9", "sp1.1")
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "all")
    assert len(lines(tmp_path / "all/utt2spk")) == 12
    assert {line.split()[1] for line in lines(tmp_path / "all/utt2uniq")} == {"a-1", "a-2", "b-1", "b-2"}


IMPOSSIBLE = {
    **dict.fromkeys(["1", "1.0"], "changes nothing"),
    **dict.fromkeys(["0", "11"], "must be from 0.1 to 10"),
    **dict.fromkeys(["-1", "x", "0.9x"], "expected a factor such as 0.9"),
}


@pytest.mark.parametrize("factor", IMPOSSIBLE)
def test_impossible_factors(call, data_dir, factor):
    assert IMPOSSIBLE[factor] in call("perturb_data_dir_speed.sh", factor, data_dir(), "dest", code=1).stderr


def test_a_missing_file_is_named_by_stage_2(call, data_dir):
    path = data_dir("src", {"wav.scp": "a-1 gone.wav\na-2 gone.wav\nb-1 gone.wav\nb-2 gone.wav\n"})
    call("perturb_data_dir_speed.sh", "0.9", path, "dest")
    message = call("get_utt2dur.sh", "--nj", 1, "--allow-pipes", "true", "dest", code=1).stderr
    assert "sp0.9-a-1: command failed" in message
    assert "gone.wav: no such file" in message
