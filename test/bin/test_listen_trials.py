"""Examples of what a system makes of some mixtures: which, what of them, and of which systems none."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
import yaml
from conftest import FS, format_sets

from toolkit.bin.listen_trials import main, parser
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.estimate_listening import ListeningSet, chosen

PARANOISE = {
    "model": {
        "class_path": "toolkit.models.sv.paranoise.ParaNoise",
        "init_args": {"channels": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "embedding_dim": 8},
    },
    "frontend": {"class_path": "toolkit.features.log_mel.LogMelSpectrogram"},
    "normalize": "mean_var",
}
ECAPA = {"model": {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": {"channels": 16}}}


def make_system(path, config):
    path.mkdir(exist_ok=True)
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(0)
    torch.save(Verifier.build(path / "config.yaml").state_dict(), path / "valid.eer.ave.pth")
    return path


@pytest.fixture(scope="module")
def sets(corpus, tmp_path_factory):
    """Noisy copies ``raw/dev_hum_0`` and ``raw/dev_hiss_5`` of the clean ``raw/dev``, and an untrained system."""
    root = tmp_path_factory.mktemp("listen")
    clean = AudioTable(corpus / "raw/dev", fs=FS)
    rng = np.random.default_rng(0)
    for name, noise, snr in (("dev_hum_0", "hum", 0), ("dev_hiss_5", "hiss", 5)):
        folder = root / "data" / name
        (folder / "audio").mkdir(parents=True)
        for key in clean.keys():
            mixture = 0.5 * clean.read(key) + 0.02 * rng.standard_normal(clean.num_samples(key))
            soundfile.write(folder / f"audio/{key}.wav", mixture, FS, subtype="PCM_16")
        write_table(folder / "wav.scp", {key: folder / f"audio/{key}.wav" for key in clean.keys()})
        write_table(folder / "utt2spk", DataDir(corpus / "raw/dev").table("utt2spk"))
        write_table(folder / "utt2noise", dict.fromkeys(clean.keys(), noise))
        write_table(folder / "utt2snr", dict.fromkeys(clean.keys(), snr))
    format_sets(root, "dev_hum_0", "dev_hiss_5")
    make_system(root / "system", PARANOISE)
    shutil.copytree(corpus / "raw/dev", root / "raw/dev")
    return root


def listen(root, out, *more, sets=("dev_hum_0", "dev_hiss_5"), clean=("dev",), system="system"):
    words = ["--model", str(root / system), "--sets", *(str(root / "raw" / name) for name in sets)]
    words += ["--clean", *(str(root / "raw" / name) for name in clean)] if clean else []
    return run(main, [*words, "--output", str(out), *more])


def rows(out):
    return json.loads((out / "listening.json").read_text())["rows"]


def sound(out, row, label):
    column = next(column for column in row["columns"] if column["label"] == label)
    samples, rate = soundfile.read(out / column["audio"], dtype="float32")
    assert rate == FS
    return samples


def test_an_example_of_every_set(sets, tmp_path, capsys):
    assert listen(sets, tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path}: 2 examples\n"
    actual = rows(tmp_path)
    assert [row["facts"]["set"] for row in actual] == ["dev_hum_0", "dev_hiss_5"]
    assert [(row["facts"]["noise"], row["facts"]["SNR"]) for row in actual] == [("hum", "0 dB"), ("hiss", "5 dB")]
    assert actual[0]["id"] == actual[1]["id"]
    for row, name in zip(actual, ("dev_hum_0", "dev_hiss_5"), strict=True):
        key = row["id"]
        labels = [column["label"] for column in row["columns"]]
        assert labels == ["mixture", "estimated speech", "estimated noise", "clean speech"]
        mixture, clean = (AudioTable(sets / "raw" / folder).read(key) for folder in (name, "dev"))
        assert np.array_equal(sound(tmp_path, row, "mixture"), mixture)
        parts = sound(tmp_path, row, "estimated speech") + sound(tmp_path, row, "estimated noise")
        assert np.abs(parts - mixture).max() < 2**-14
        reference = sound(tmp_path, row, "clean speech")
        assert np.abs(reference - 0.5 * clean).max() < 0.03 * np.abs(clean).max()  # at its level in the mixture
        assert row["numbers"].keys() == {"si_sdr_mixture", "si_sdr_speech", "mse_mixture", "mse_speech", "mse_noise"}
        noise = mixture - 0.5 * clean
        snr = 10 * np.log10(np.mean((0.5 * clean) ** 2) / np.mean(noise**2))
        assert row["numbers"]["si_sdr_mixture"] == pytest.approx(snr, abs=0.5)
        assert row["facts"]["SI-SDR"].startswith(f"{row['numbers']['si_sdr_mixture']:.1f} → ")


def test_the_draw_depends_on_the_seed_alone(sets):
    """And not on the sets: those of the same utterances get the same examples."""
    dirs, drawn = [sets / "raw" / name for name in ("dev_hum_0", "dev_hiss_5", "dev")], {}
    for seed in range(8):
        words = ["--model", "x", "--output", "x", "--sets", "x", "--seed", str(seed), "--per_set", "2"]
        actual = chosen([ListeningSet(path, [], FS) for path in dirs], parser.parse_args(words))
        names, ids = zip(*((one.name, key) for one, key in actual), strict=True)
        assert names == ("dev_hum_0", "dev_hum_0", "dev_hiss_5", "dev_hiss_5", "dev", "dev")
        assert ids[:2] == ids[2:4] == ids[4:]
        assert len(set(ids)) == 2
        drawn[seed] = ids[:2]
    assert len(set(drawn.values())) > 4


def test_ids_that_are_wished_for(sets, tmp_path, capsys):
    keys = AudioTable(sets / "raw/dev").keys()
    assert listen(sets, tmp_path, "--ids", keys[5], keys[2], sets=["dev_hum_0"]) == 0
    assert [row["id"] for row in rows(tmp_path)] == [keys[5], keys[2]]
    assert listen(sets, tmp_path / "none", "--ids", keys[5], "nobody") == 1
    assert "--ids: in none of the sets: nobody" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_long_recordings_are_cut(sets, tmp_path):
    assert listen(sets, tmp_path, "--max_seconds", "0.5") == 0
    (row, _) = rows(tmp_path)
    clean = AudioTable(sets / "raw/dev_hum_0").read(row["id"], frames=FS // 2)
    assert np.array_equal(sound(tmp_path, row, "mixture"), clean)
    assert {len(sound(tmp_path, row, column["label"])) for column in row["columns"]} == {FS // 2}


@pytest.mark.parametrize("why", ["none is named", "no such id", "another length", "in a room"])
def test_without_clean_speech_nothing_is_measured(sets, tmp_path, capsys, why):
    shutil.copytree(sets / "raw", tmp_path / "raw")
    (tmp_path / "system").symlink_to(sets / "system")
    dev, noisy = tmp_path / "raw/dev", tmp_path / "raw/dev_hum_0"
    keys = read_table(dev / "wav.scp")
    if why == "no such id":
        for table in ("wav.scp", "utt2num_samples"):
            write_table(dev / table, {f"other-{key}": value for key, value in read_table(dev / table).items()})
    elif why == "another length":
        write_table(
            dev / "utt2num_samples", {key: int(n) - 1 for key, n in read_table(dev / "utt2num_samples").items()}
        )
    elif why == "in a room":
        write_table(noisy / "utt2room", dict.fromkeys(keys, "rir7"))
    clean = () if why == "none is named" else ("dev",)
    assert listen(tmp_path, tmp_path / "out", sets=["dev_hum_0"], clean=clean) == 0
    assert capsys.readouterr().out.endswith("out: 1 examples, 1 of them without clean speech\n")
    (row,) = rows(tmp_path / "out")
    assert [column["label"] for column in row["columns"]] == ["mixture", "estimated speech", "estimated noise"]
    assert (row["numbers"], row["facts"].keys()) == ({}, {"set", "noise", "SNR"})


def test_the_speech_of_a_rendered_set_is_its_own_reference(sets, tmp_path):
    """Also in a room: spk1 is what reached the microphone of it."""
    shutil.copytree(sets / "raw", tmp_path / "raw")
    (tmp_path / "system").symlink_to(sets / "system")
    noisy = tmp_path / "raw/dev_hum_0"
    values = read_table(noisy / "wav.scp")
    write_table(noisy / "utt2room", dict.fromkeys(values, "rir7"))
    write_table(noisy / "spk1.scp", values)  # the mixture itself: SI-SDR without end
    assert listen(tmp_path, tmp_path / "out", sets=["dev_hum_0"], clean=()) == 0
    (row,) = rows(tmp_path / "out")
    assert row["facts"]["SI-SDR"].startswith("inf → ")
    assert row["numbers"]["si_sdr_mixture"] is None
    assert row["numbers"]["mse_mixture"] == 0


def test_of_several_clean_sets_that_of_the_name_counts(sets, tmp_path, capsys):
    shutil.copytree(sets / "raw", tmp_path / "raw")
    (tmp_path / "system").symlink_to(sets / "system")
    shutil.copytree(tmp_path / "raw/dev_hiss_5", tmp_path / "raw/dev_h")
    assert listen(tmp_path, tmp_path / "out", sets=["dev_hum_0"], clean=["dev_h", "dev"]) == 0
    assert listen(sets, tmp_path / "expected", sets=["dev_hum_0"]) == 0
    assert rows(tmp_path / "out") == rows(tmp_path / "expected")
    (tmp_path / "raw/dev_hum_0").rename(tmp_path / "raw/noisy")
    assert listen(tmp_path, tmp_path / "no", sets=["noisy"], clean=["dev_h", "dev"]) == 1
    assert "noisy: --clean names several sets, and it is named after none" in capsys.readouterr().err


def test_a_system_that_estimates_no_speech_is_passed_over(sets, tmp_path, caplog, capsys):
    make_system(tmp_path / "ecapa", ECAPA)
    with caplog.at_level("INFO"):
        assert listen(sets, tmp_path / "out", system=tmp_path / "ecapa") == 0
    message = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert message == [("INFO", "EcapaTdnn makes no enhanced speech: no listening page")]
    assert "error" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--per_set", "0"], "--per_set 0: must be a whole number from 1"),
        (["--max_seconds", "nan"], "--max_seconds nan: must be a number above 0.1"),
        (["--weights", "gone.pth"], "gone.pth"),
        (["--sets", "raw/nowhere"], "raw/nowhere: no such data dir"),
        (["--clean", "raw/nowhere"], "raw/nowhere/wav.scp: no such file"),
    ],
)
def test_bad_input_is_said(sets, tmp_path, capsys, more, message):
    assert listen(sets, tmp_path / "out", *more) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("error: ") == 1
    assert not (tmp_path / "out").exists()
