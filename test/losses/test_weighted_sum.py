"""The one weighted sum of losses."""

import pytest
import torch
import torch.nn.functional as F

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.waveform import SISNR, SNR
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical
from toolkit.losses.weighted_sum import WeightedSum

LABELS = torch.tensor([0, 0, 2, 2, 1, 1])


def ready(loss, dim=5, speakers=3):
    loss.setup(TrainingFacts(num_speakers=speakers, dims={"embedding": dim}))
    return loss


def test_sum_is_weighted_and_keeps_its_parts():
    members = {"ap": AngularPrototypical(utterances_per_speaker=3), "aam": AAMSoftmax()}
    loss = ready(WeightedSum(members, {"ap": 0.5}))
    x, labels = torch.randn(6, 5), LABELS.sort().values.repeat_interleave(3)[:6]
    value, terms = loss({"embedding": x}, {"labels": labels})
    ap, (aam, logits) = members["ap"].compare(x, labels)[0], members["aam"].compare(x, labels)
    torch.testing.assert_close(value, 0.5 * ap + aam)
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    assert loss.utterances_per_speaker == 3
    expected = {"ap": ap.item(), "aam": aam.item(), "accuracy": accuracy}
    assert {name: term.item() for name, term in terms.items()} == expected
    assert not terms["ap"].requires_grad


@pytest.mark.parametrize(
    ("losses", "weights", "message"),
    [
        ({}, None, "at least one"),
        ({"aam": AAMSoftmax()}, {"amm": 1.0}, "amm"),
        ({"a": AngularPrototypical(), "b": AngularPrototypical(utterances_per_speaker=3)}, None, "2, 3"),
    ],
)
def test_sum_refuses_what_makes_no_sense(losses, weights, message):
    with pytest.raises(InputError, match=message):
        WeightedSum(losses, weights)


def test_descent_on_the_sum_separates_speakers():
    torch.manual_seed(0)
    loss = ready(WeightedSum({"aam": AAMSoftmax(), "ap": AngularPrototypical()}), dim=4)
    x = torch.randn(6, 4, requires_grad=True)
    optimizer = torch.optim.Adam([x, *loss.parameters()], 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        value, _ = loss({"embedding": x}, {"labels": LABELS})
        value.backward()
        optimizer.step()
    assert torch.equal(loss.losses["aam"].compare(x, LABELS)[1].argmax(1), LABELS)
    similarity = F.normalize(x, dim=1) @ F.normalize(x, dim=1).T
    same = LABELS[:, None] == LABELS
    assert similarity[same].min() > similarity[~same].max()


def test_losses_of_several_outputs_are_one_sum():
    """Extraction with a classifier of the speaker beside it: -SNR + 0.1 CE, and the streams that both ask for."""
    loss = WeightedSum({"signal": SNR(), "speaker": AAMSoftmax()}, {"speaker": 0.1})
    loss.compare_with("dereverb1")
    ready(loss)
    outputs = {"speech": torch.randn(2, 50), "embedding": torch.randn(2, 5)}
    batch = {"dereverb1": torch.randn(2, 50), "lengths": None, "labels": torch.tensor([0, 2])}
    value, terms = loss(outputs, batch)
    snr = SNR().compare(outputs["speech"], batch["dereverb1"])
    speaker = loss.losses["speaker"].compare(outputs["embedding"], batch["labels"])[0]
    torch.testing.assert_close(value, snr + 0.1 * speaker)
    assert terms.keys() == {"signal", "speaker", "snr_loss", "accuracy"}
    assert loss.streams == ("dereverb1",)
    assert WeightedSum({"a": SNR(), "b": SISNR()}).streams == ("spk1",)
