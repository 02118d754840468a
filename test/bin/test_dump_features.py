import kaldiio
import numpy as np
import pytest
import torch
import yaml

from toolkit.bin import dump_features
from toolkit.data.datasets import check_feats_conf
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import merge, write_work

CONFIG = {
    "frontend": {"class_path": "toolkit.features.kaldi_fbank.KaldiFbank", "init_args": {"n_mels": 24, "window": "hann"}}
}


def dump(corpus, out, config, *options):
    (out / "conf.yaml").write_text(yaml.safe_dump(config))
    write_work(out / "work", corpus / "raw", ["train"])
    words = ["--in_root", corpus / "raw", "--out_root", out / "fbank", "--work", out / "work", "--job", 1]
    words += ["--config", out / "conf.yaml", *options]
    return run(dump_features.main, [str(word) for word in words])


@pytest.fixture(scope="module")
def dumped(corpus, tmp_path_factory):
    """``fbank/train`` of the shared corpus."""
    out = tmp_path_factory.mktemp("features")
    assert dump(corpus, out, CONFIG) == 0
    merge(corpus / "raw", out / "fbank", "train", 1, ["feats"])
    return out


def test_the_ark_holds_the_front_ends_features(corpus, dumped):
    frontend, audio = KaldiFbank(n_mels=24, window="hann"), AudioTable(corpus / "raw/train")
    feats = kaldiio.load_scp(str(dumped / "fbank/train/feats.scp"))
    assert sorted(feats) == audio.keys()
    for key in audio.keys():
        expected, _ = frontend(torch.from_numpy(audio.read(key))[None])
        np.testing.assert_array_equal(feats[key], expected[0].numpy())


def test_the_tables_fit_the_audio(corpus, dumped):
    out, source = DataDir(dumped / "fbank/train"), DataDir(corpus / "raw/train")
    out.check_same_keys("feats.scp", "utt2num_frames", "utt2dur")
    for key, samples in source.table("utt2num_samples").items():
        assert int(out.table("utt2num_frames")[key]) == 1 + (int(samples) - 400) // 160
    assert out.table("utt2spk") == source.table("utt2spk")


def test_feats_conf_says_what_made_them(dumped):
    conf = yaml.safe_load((dumped / "fbank/train/feats_conf.yaml").read_text())
    assert (conf["class"], conf["fs"], conf["n_mels"], conf["window"], conf["hop_ms"]) == (
        "KaldiFbank",
        16000,
        24,
        "hann",
        10.0,
    )
    check_feats_conf(dumped / "fbank/train/feats_conf.yaml", KaldiFbank(n_mels=24, window="hann"))
    with pytest.raises(InputError, match="n_mels is 24, expected 40"):
        check_feats_conf(dumped / "fbank/train/feats_conf.yaml", KaldiFbank(n_mels=40, window="hann"))


def test_compressed_features_are_close(corpus, dumped, tmp_path):
    assert dump(corpus, tmp_path, CONFIG, "--compression", 3) == 0
    compressed = kaldiio.load_scp(str(tmp_path / "fbank/train/.jobs/1/feats.scp"))
    for key, feats in kaldiio.load_scp(str(dumped / "fbank/train/feats.scp")).items():
        np.testing.assert_allclose(compressed[key], feats, rtol=0, atol=0.6 * np.ptp(feats) / 65535)


@pytest.mark.parametrize(
    ("init_args", "complaint"),
    [
        ({"n_mel": 24}, "n_mel"),
        ({"window": "square"}, "window is 'square'; must be one of povey"),
        ({"fs": 8000}, "is at 16000 Hz, expected 8000 Hz"),
    ],
)
def test_a_wrong_config_is_an_error_and_leaves_nothing(corpus, tmp_path, capsys, init_args, complaint):
    config = {"frontend": {**CONFIG["frontend"], "init_args": init_args}}
    assert dump(corpus, tmp_path, config) == 1
    assert complaint in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".ark", ".scp")]


def test_a_wrong_config_path_is_an_error(tmp_path, capsys):
    words = ["--in_root", "a", "--out_root", "b", "--work", "c", "--job", "1", "--config", str(tmp_path / "no.yaml")]
    assert run(dump_features.main, words) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/no.yaml: no such file\n"


def test_audio_that_was_not_formatted_is_refused(corpus, tmp_path, capsys):
    write_table(tmp_path / "raw/train/wav.scp", {"utt-a": "cat a.wav |"})
    assert dump(tmp_path, tmp_path, CONFIG) == 1
    assert "error: utt-a: is a command (cat a.wav |)" in capsys.readouterr().err
