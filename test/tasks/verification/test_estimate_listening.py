"""What is heard of a model's estimates, by models whose estimates are known."""

import numpy as np
import pytest
import torch
from conftest import voice

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.tasks.verification.estimate_listening import Listener

SPEECH = voice(1, 0, 1.5)
NOISE = 0.05 * np.random.default_rng(0).standard_normal(len(SPEECH)).astype(np.float32)


class Knowing(SpeakerEncoder):
    """Says what it was told, of inputs of that length; of others, the input itself."""

    embedding_dim = 1

    def __init__(self, **message):
        super().__init__()
        self.estimates = message

    def forward(self, feats, lengths=None):
        return feats[:, 0, :1]

    def outputs(self, feats, lengths=None):
        return {name: log_mel if log_mel.shape == feats.shape else feats for name, log_mel in self.estimates.items()}


def log_mel(wav, frontend=None):
    return (frontend or LogMelSpectrogram())(torch.from_numpy(wav)[None])[0]


def listener(**message):
    return Listener(SpeakerEmbedder(LogMelSpectrogram(), Knowing(**message), "none").eval())


@pytest.mark.parametrize("level", [1.0, 0.2])
def test_a_model_that_knows_is_heard_and_measured_as_such(level):
    oracle = listener(speech=log_mel(SPEECH), noise=log_mel(NOISE))
    made = oracle.hear("a", SPEECH + NOISE, level * SPEECH)
    assert list(made.audio) == list(made.log_mels) == ["mixture", "estimated speech", "estimated noise", "clean speech"]
    n = made.numbers
    # The level of the clean speech in the mixture is found but for the chance correlation of speech and noise.
    assert np.abs(made.audio["clean speech"] - SPEECH).max() < 0.05 * np.abs(SPEECH).max()
    assert n["mse_speech"] < 1e-2
    assert n["mse_noise"] < 0.1
    assert n["mse_mixture"] == pytest.approx(
        float((log_mel(SPEECH + NOISE) - log_mel(SPEECH)).square().mean()), rel=0.02
    )
    assert n["si_sdr_mixture"] == pytest.approx(si_sdr(SPEECH + NOISE, SPEECH), abs=1e-3)
    assert n["si_sdr_speech"] == pytest.approx(si_sdr(made.audio["estimated speech"], SPEECH), abs=1e-3)
    assert n["si_sdr_speech"] > n["si_sdr_mixture"] + 7
    both = made.audio["estimated speech"] + made.audio["estimated noise"]
    assert np.abs(both - made.audio["mixture"]).max() < 1e-5


def test_a_model_of_the_mixture_changes_nothing():
    mixture = SPEECH + NOISE
    made = listener(speech=log_mel(mixture)).hear("a", mixture, SPEECH)
    assert np.abs(made.audio["estimated speech"] - mixture).max() < 1e-5
    assert "estimated noise" not in made.audio
    assert made.numbers["si_sdr_speech"] == pytest.approx(made.numbers["si_sdr_mixture"], abs=1e-3)
    assert made.numbers["mse_speech"] == pytest.approx(made.numbers["mse_mixture"])
    assert "mse_noise" not in made.numbers


@pytest.mark.parametrize("clean", [None, np.zeros_like(SPEECH)])
def test_nothing_is_measured_without_a_reference(clean):
    made = listener(speech=log_mel(SPEECH)).hear("a", SPEECH, clean)
    assert list(made.audio) == ["mixture", "estimated speech"]
    assert made.numbers == {}


def test_the_model_gets_normalised_features():
    class Seeing(Knowing):
        def outputs(self, feats, lengths=None):
            self.seen = feats
            return {"speech": feats}

    model = Seeing()
    Listener(SpeakerEmbedder(LogMelSpectrogram(), model, "mean_var").eval()).hear("a", SPEECH)
    assert torch.allclose(model.seen.mean(1), torch.zeros(1, 64), atol=1e-4)
    assert 0.9 < model.seen[0].std(0).median() < 1.1


def test_estimates_that_are_not_finite_are_said():
    spoilt = log_mel(SPEECH)
    spoilt[0, 3, 5] = float("nan")
    with pytest.raises(InputError, match="utt-7: the estimated speech is not finite"):
        listener(speech=spoilt).hear("utt-7", SPEECH)


@pytest.mark.parametrize(
    ("frontend", "message", "why"),
    [
        (LogMelSpectrogram(), {}, "Knowing makes no enhanced speech"),
        (LogMelSpectrogram(n_mfcc=20), {"speech": torch.zeros(1)}, "LogMelSpectrogram: cannot"),
    ],
)
def test_models_without_anything_to_hear(frontend, message, why):
    with pytest.raises(InputError, match=why):
        Listener(SpeakerEmbedder(frontend, Knowing(**message), "none").eval())
