"""One path from audio to embedding: batch == single, training features == inference features, packed == folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from test.conftest import voice
from toolkit.bin import pack as pack_program
from toolkit.data.batches import batches_by_length
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier

TRAINED = Path(__file__).parents[1] / "fixtures/v0.1/sv_ecapa"


@pytest.fixture(scope="module")
def embedder():
    torch.manual_seed(0)
    network = SpeakerEmbedder(KaldiFbank(), EcapaTdnn(channels=32, mfa_channels=48, embedding_dim=16))
    with torch.no_grad():  # statistics as after training, not the identity of a new network
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_()
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return network.eval()


@pytest.fixture(scope="module")
def verifier(embedder):
    return Verifier(embedder)


def test_an_utterance_has_one_embedding_whatever_its_batch(verifier, corpus):
    audio = AudioTable(corpus / "raw/train")
    together = dict(verifier.embed_table(audio, audio.keys()))
    for key in audio.keys()[::3]:
        alone = verifier.embed_table(audio, [key])[0][1]
        assert np.abs(alone - together[key]).max() < 1e-5 * max(1.0, np.abs(alone).max())


def test_padding_does_not_reach_the_features(embedder):
    wav = torch.randn(1, 9000)
    alone, _ = embedder.frontend(wav)
    padded = torch.nn.functional.pad(torch.cat([wav, wav]), (0, 7000))
    feats, lengths = embedder.frontend(padded, torch.tensor([9000, 16000]))
    assert lengths[0] == alone.shape[1]
    assert torch.equal(embedder.normalized(feats, lengths)[0, lengths[0] :].abs().sum(), torch.tensor(0.0))
    assert torch.allclose(
        embedder.normalized(feats, lengths)[0, : lengths[0]], embedder.normalized(alone)[0], atol=1e-4
    )


def test_training_sees_the_features_that_inference_sees(embedder, corpus):
    """The task's batch -> features equals the embedder's own wav -> features."""
    audio = AudioTable(corpus / "raw/train")
    wav = torch.from_numpy(audio.read(audio.keys()[0]))[None]
    feats, _ = embedder.frontend(wav)
    assert torch.allclose(embedder(wav), embedder.embed_features(feats))
    embedder.train()
    with torch.autocast("cpu", torch.bfloat16):
        in_training, _ = embedder.frontend(wav)
    embedder.eval()
    assert torch.equal(in_training, feats)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 180])
def test_very_short_and_very_long_audio(embedder, seconds):
    with torch.inference_mode():
        vector = embedder(0.1 * torch.randn(1, round(seconds * 16000)))
    assert vector.shape == (1, 16)
    assert vector.isfinite().all()


def test_batches_by_length_bound_the_padding():
    lengths = {f"u{i}": n for i, n in enumerate([5, 100, 7, 8, 90, 6])}
    batches = list(batches_by_length(lengths, most=30))
    assert [key for batch in batches for key in batch] == ["u0", "u5", "u2", "u3", "u4", "u1"]
    assert all(len(b) == 1 or len(b) * max(lengths[k] for k in b) <= 30 for b in batches)


def test_packed_and_folder_embed_alike(corpus, tmp_path):
    pack_program.main(["--expdir", str(TRAINED), "--output", str(tmp_path / "model.zip")])
    audio = AudioTable(corpus / "raw/dev")
    one, two = (Verifier.load(path).embed_table(audio, audio.keys()[:2]) for path in (TRAINED, tmp_path / "model.zip"))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))


def test_a_damaged_package_is_refused(tmp_path):
    (tmp_path / "model.zip").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"model.zip: not a packed system"):
        Verifier.load(tmp_path / "model.zip")


def test_packing_without_a_model_is_said(tmp_path, capsys):
    words = ["--expdir", str(tmp_path), "--output", str(tmp_path / "x.zip")]
    assert run(pack_program.main, words) == 1
    assert "config.yaml: no such file; train first" in capsys.readouterr().err
    assert not (tmp_path / "x.zip").exists()


def test_weights_of_another_network_are_named(tmp_path):
    shutil.copytree(TRAINED, tmp_path / "exp")
    config = (TRAINED / "config.yaml").read_text().replace("channels: 16", "channels: 32")
    (tmp_path / "exp/config.yaml").write_text(config)
    with pytest.raises(InputError, match=r"valid.eer.ave.pth: weights of another network"):
        Verifier.load(tmp_path / "exp")


def test_the_floor_needs_no_weights(tmp_path, corpus):
    (tmp_path / "config.yaml").write_text(FLOOR)
    audio = AudioTable(corpus / "raw/dev")
    key = audio.keys()[0]
    vector = Verifier.load(tmp_path).embed_table(audio, [key])[0][1]
    feats, _ = KaldiFbank()(torch.from_numpy(audio.read(key))[None])
    assert np.allclose(vector, feats[0].mean(0).numpy(), atol=1e-4)


FLOOR = "model: {class_path: toolkit.models.sv.mean_fbank.MeanFbank}\nnormalize: none\n"


def test_bad_audio_is_said_without_a_recipe(verifier, tmp_path):
    """Who calls from Python has neither an scp nor a stage 2; the file is named once."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "two.wav", np.zeros((800, 2)), 16000)
    result = {
        "gone.wav": "no such file",
        "empty.wav": "is empty",
        "": "is a folder",
        "two.wav": "has 2 channels, expected one; choose one by --channel 0 or --channel mean (in Python: channel=0)",
    }
    for name, message in result.items():
        with pytest.raises(InputError) as caught:
            verifier.embed(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {message}"
    with pytest.raises(InputError, match=r"^[^ ]+text.wav: cannot be decoded \([^()]+\)$"):
        verifier.embed(tmp_path / "text.wav")
    with pytest.raises(InputError, match=r"two.wav: has no channel left, only 0 to 1$"):
        verifier.embed(tmp_path / "two.wav", channel="left")


def test_what_is_silent_at_the_rate_of_the_network_has_no_embedding(verifier, tmp_path):
    high = np.hanning(44100) * np.sin(2 * np.pi * 20000 / 44100 * np.arange(44100))
    soundfile.write(tmp_path / "a.wav", high / 4, 44100, subtype="FLOAT")
    with pytest.raises(InputError, match=r"a\.wav: the recording, at 16000 Hz, is digital silence"):
        verifier.embed(tmp_path / "a.wav")


def test_an_embedding_without_direction_is_said(tmp_path):
    """A network that makes NaN of all it hears, as after a training that diverged."""
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(8000)) / 4, 16000)
    network = SpeakerEmbedder(KaldiFbank(), EcapaTdnn(channels=32, mfa_channels=48, embedding_dim=16))
    for weights in network.parameters():
        weights.data.fill_(torch.nan)
    with pytest.raises(InputError, match=r"a.wav: the recording: its embedding is zero or not finite"):
        Verifier(network).embed(tmp_path / "a.wav")


def test_a_wrong_path_of_a_system_lists_what_there_is(tmp_path):
    exp = tmp_path / "exp"
    for name in ("sv_a", "sv_b"):
        (exp / name).mkdir(parents=True)
        (exp / name / "config.yaml").write_text(FLOOR)
    (exp / "sv_stats_fbank").mkdir(parents=True)
    there = f"there are: {exp}/sv_a, {exp}/sv_b"
    result = {
        exp / "sv_c": f"{exp}/sv_c: no such experiment or packed model; {there}",
        exp / "sv_stats_fbank": f"{exp}/sv_stats_fbank: is not an experiment (config.yaml not found); {there}",
        exp: f"{exp}: is not an experiment (config.yaml not found); {there}",
        tmp_path / "no/exp/a": f"{tmp_path}/no/exp/a: no such experiment or packed model; nor is there {tmp_path}/no",
    }
    for path, message in result.items():
        with pytest.raises(InputError) as caught:
            Verifier.load(path)
        assert str(caught.value) == message


def test_missing_weights_list_those_that_there_are(tmp_path):
    (tmp_path / "config.yaml").write_text("model: {class_path: toolkit.models.sv.ecapa_tdnn.EcapaTdnn}\n")
    with pytest.raises(InputError, match=r"valid.eer.ave.pth: no such weights; train first \(stage 6\)$"):
        Verifier.load(tmp_path)
    torch.save({}, tmp_path / "epoch3.pth")
    with pytest.raises(InputError, match=r"valid.eer.ave.pth: no such weights; there are: epoch3.pth$"):
        Verifier.load(tmp_path)
    with pytest.raises(InputError, match=rf"give the experiment, {tmp_path}, and epoch3.pth as weights$"):
        Verifier.load(tmp_path / "epoch3.pth")


class TestScore:
    """Cosines and calibrated scores, of recordings and of embeddings."""

    @pytest.fixture
    def files(self, tmp_path):
        for i, name in enumerate("ab"):
            soundfile.write(tmp_path / f"{name}.wav", voice(i, 0, 0.8, 22050), 22050, subtype="FLOAT")
        return [str(tmp_path / f"{name}.wav") for name in "ab"]

    def test_it_is_the_cosine_whatever_is_given(self, verifier, files):
        a, b = map(verifier.embed, files)
        assert (a.shape, a.dtype, np.linalg.norm(a)) == ((16,), np.float32, pytest.approx(1))
        expected = pytest.approx(float(a @ b), abs=1e-6)
        assert verifier.score(*files) == (expected, None)
        assert verifier.score(3 * a, torch.from_numpy(b)).cosine == expected
        assert verifier.score(a, files[1]).cosine == expected
        assert verifier.score(files[0], voice(1, 0, 0.8, 22050), fs=22050).cosine == expected
        assert verifier.score(a, a).cosine == pytest.approx(1)

    @pytest.mark.parametrize("fs", [1000, 16000])
    def test_an_embedding_and_samples_with_their_rate_are_not_mixed(self, verifier, files, fs):
        vector, wav = verifier.embed(files[0]), voice(1, 0, 0.8, fs)
        for pair in ((vector, wav), (wav, torch.from_numpy(vector)), (vector, vector), (vector, files[1])):
            with pytest.raises(InputError, match="an array of 16 numbers"):
                verifier.score(*pair, fs=fs)
        assert verifier.score(vector, verifier.embed(wav, fs)).cosine < 1

    @pytest.mark.parametrize(
        "bad", [np.zeros(16), np.full(16, np.nan), np.ones(17), np.ones((2, 16)), None, "gone.wav"]
    )
    def test_what_is_neither(self, verifier, files, bad):
        for pair in ((bad, files[0]), (files[0], bad)):
            with pytest.raises(InputError):
                verifier.score(*pair)

    @pytest.mark.parametrize(
        ("content", "llr"),
        [
            ({"scale": 10, "offset": -4.0, "scores": []}, 2.0),
            ({"scale": 0.0, "offset": 1.5, "scores": [], "way": {"scoring": "cosine", "score_norm": "none"}}, 1.5),
            ({"scale": 10, "offset": -4, "scores": [], "way": {"scoring": "cosine", "score_norm": "as_norm"}}, None),
            ({"scale": -1, "offset": -4, "scores": []}, None),
            ({"scale": "x"}, None),
            ([], None),
        ],
    )
    def test_the_calibration_of_an_experiment_travels_in_the_zip(self, tmp_path, content, llr):
        """By hand: at a cosine of 0.6, 10 * 0.6 - 4 = 2."""
        exp = tmp_path / "exp"
        shutil.copytree(TRAINED, exp)
        (exp / "calibration").mkdir()
        (exp / "calibration/calibration.json").write_text(json.dumps(content))
        pack_program.main(["--expdir", str(exp), "--output", str(tmp_path / "model.zip")])
        one, two = np.eye(8)[0], 0.6 * np.eye(8)[0] + 0.8 * np.eye(8)[1]
        for path in (exp, tmp_path / "model.zip"):
            verifier = Verifier.load(path)
            assert verifier.score(one, two) == (pytest.approx(0.6), llr if llr is None else pytest.approx(llr))
            assert len(str(verifier).splitlines()) <= 24
        shutil.copy(exp / "valid.eer.ave.pth", exp / "other.pth")
        assert Verifier.load(exp, "other.pth").calibration is None
