"""The joint loss of ParaNoise-SV: every term against numbers worked by hand, and what it is told to estimate."""

import math

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE
from toolkit.losses.speaker.paranoise import ParaNoiseLoss, masked_mse, targets

CPU = torch.device("cpu")
CLASSES = ("noise", "babble", "music")
FACTS = [
    {"noise": "clean"},
    {"noise": "babble", "snr": "5"},
    {"noise": "clean", "snr": "inf"},
    {"noise": "music", "snr": "12.5"},
]
LABELS = torch.tensor([0, 0, 2, 2])


def ready(**options) -> ParaNoiseLoss:
    torch.manual_seed(1)
    loss = ParaNoiseLoss(**options)
    loss.setup(5, 3)
    return loss


def embeddings() -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    return {"embedding": torch.randn(4, 5), "initial": torch.randn(4, 5)}


def wanted_of(facts=FACTS, **spectra) -> dict[str, torch.Tensor]:
    streams = {"speech": "spk1", "noise": "noise1"}
    return targets({streams[name]: (value, None) for name, value in spectra.items()}, facts, CLASSES, CPU)


# --- targets ---------------------------------------------------------------------------------------------------------


def test_targets_say_which_items_are_noisy_with_what_at_what_level():
    speech, noise, frames = torch.randn(4, 6, 2), torch.randn(4, 6, 2), torch.tensor([6, 5, 4, 3])
    wanted = targets({"spk1": (speech, frames), "noise1": (noise, frames)}, FACTS, CLASSES, CPU)
    assert wanted.keys() == {"speech", "noise", "frames", "noisy", "noise_class", "snr"}
    assert wanted["speech"] is speech
    assert wanted["noise"] is noise
    assert wanted["frames"] is frames
    assert wanted["noisy"].tolist() == [False, True, False, True]
    assert wanted["noise_class"].tolist() == [-1, 1, -1, 2]
    assert wanted["snr"].isnan().tolist() == [True, False, True, False]
    assert wanted["snr"][1::2].tolist() == [5, 12.5]


def test_targets_of_equal_lengths_without_a_classifier():
    facts, spectra = [{"noise": "rain", "snr": "3"}, {}], {"spk1": (torch.zeros(2, 4, 2), None)}
    wanted = targets(spectra, facts, (), CPU)
    assert wanted.keys() == {"speech", "noisy", "noise_class", "snr"}
    assert wanted["noisy"].tolist() == [True, False]
    assert wanted["noise_class"].tolist() == [-1, -1]


def test_a_kind_that_the_classifier_does_not_know_is_said():
    with pytest.raises(InputError, match="noise_classes are noise, babble, music; the mixtures have rain"):
        wanted_of([{"noise": "rain", "snr": "3"}, {}], speech=torch.zeros(2, 4, 2))


# --- mean squared error ----------------------------------------------------------------------------------------------

ESTIMATE = torch.tensor([[[1.0, 3.0], [0.0, 0.0], [9.0, 9.0]], [[2.0, 2.0], [4.0, 0.0], [1.0, 1.0]]])  # (2, 3, 2)


def test_mse_is_the_mean_over_all_elements():
    """Squares 1 + 9, 0, 81 + 81, 4 + 4, 16, 1 + 1 over 12 elements."""
    assert masked_mse(ESTIMATE, torch.zeros(2, 3, 2), None).item() == pytest.approx(198 / 12)


def test_mse_leaves_padding_and_clean_items_out():
    """Two frames of the first item have squares 1 + 9, 0; all three of the second 8, 16, 2."""
    zeros, frames = torch.zeros(2, 3, 2), torch.tensor([2, 3])
    assert masked_mse(ESTIMATE, zeros, frames).item() == pytest.approx((10 + 26) / (2 * 5))
    assert masked_mse(ESTIMATE, zeros, None, torch.tensor([False, True])).item() == pytest.approx(26 / 6)
    assert masked_mse(ESTIMATE, zeros, frames, torch.tensor([True, False])).item() == pytest.approx(10 / 4)


def test_mse_of_nothing_is_zero_with_a_zero_gradient():
    estimate = ESTIMATE.clone().requires_grad_()
    loss = masked_mse(estimate, torch.zeros(2, 3, 2), None, torch.tensor([False, False]))
    loss.backward()
    assert loss.item() == 0
    assert not estimate.grad.any()


def test_mse_is_in_float32_under_mixed_precision():
    """An error of 2^-5 at -13.8, of which bfloat16 knows multiples of 1/16 only."""
    wanted = torch.full((1, 1, 1), -13.8125)
    assert masked_mse(torch.full((1, 1, 1), -13.75).bfloat16(), wanted + 0.03125, None).item() == 0.03125**2


# --- the sum ---------------------------------------------------------------------------------------------------------


def test_all_five_terms():
    """Speech off by 1 and 3 in half of the elements each: 5; noise off by 2 in the noisy items, by 7 in the clean."""
    loss, said = ready(), embeddings()
    speech, noise = torch.randn(4, 6, 2), torch.randn(4, 6, 2)
    said["speech"] = speech + torch.tensor([1.0, 3.0])
    said["noise"] = noise + torch.tensor([7.0, 2.0, 7.0, 2.0]).view(4, 1, 1)
    value, logits = loss.joint(said, LABELS, wanted_of(speech=speech, noise=noise))
    parts = {
        "speech": 5.0,
        "noise": 4.0,
        "initial": torch.nn.functional.cross_entropy(
            said["initial"] @ loss.initial.classifier.weight.T + loss.initial.classifier.bias, LABELS
        ).item(),
        "prototype": loss.prototype(said["embedding"], LABELS)[0].item(),
        "margin": loss.margin(said["embedding"], LABELS)[0].item(),
    }
    assert {name: part.item() for name, part in loss.parts.items()} == pytest.approx(parts, rel=1e-5)
    assert value.item() == pytest.approx(sum(parts.values()), rel=1e-5)
    assert torch.equal(logits, loss.margin(said["embedding"], LABELS)[1])
    assert not any(part.requires_grad for part in loss.parts.values())


def test_members_are_those_of_the_paper():
    """Section 3: margin 0.15, scale 32; lineage: w = 10, b = -5 of the prototypes; a linear layer with bias."""
    loss = ready()
    assert isinstance(loss.margin, AAMSoftmax)
    assert (loss.margin.margin, loss.margin.scale, loss.margin.easy_margin) == (0.15, 32, False)
    assert isinstance(loss.prototype, AngularPrototypical)
    assert (loss.prototype.scale.item(), loss.prototype.bias.item()) == (10, -5)
    assert isinstance(loss.initial, SoftmaxCE)
    assert {name: tuple(p.shape) for name, p in loss.named_parameters()} == {
        "initial.classifier.weight": (3, 5),
        "initial.classifier.bias": (3,),
        "prototype.scale": (),
        "prototype.bias": (),
        "margin.weight": (3, 5),
    }
    assert loss.utterances_per_speaker == 2


def test_the_clean_utterance_is_the_prototype_and_the_noisy_one_the_query():
    """Noisy 0 and 1 are both nearest to clean 0: rows of the softmax are queries, so query 1 pays."""
    loss = ready(weights={"margin": 0})
    clean, noisy = torch.eye(5)[:2], torch.eye(5)[[0, 0]]
    x = torch.stack((clean[0], noisy[0], clean[1], noisy[1]))
    expected = (math.log(1 + math.exp(-10)) + math.log(1 + math.exp(10))) / 2
    assert loss.joint({"embedding": x}, LABELS, {})[0].item() == pytest.approx(expected, rel=1e-5)


def test_class_term_is_the_cross_entropy_of_the_noisy_items():
    """Babble's probability is 1/2 in the first noisy item, music's 1/4 in the second: (log 2 + log 4) / 2."""
    loss, said = ready(), embeddings()
    said["noise_class"] = torch.tensor([[1e-9, 1, 1], [0.25, 0.5, 0.25], [1, 1, 1e-9], [0.5, 0.25, 0.25]]).log()
    loss.joint(said, LABELS, wanted_of(speech=torch.zeros(4, 1, 1)))
    assert loss.parts["noise"].item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_snr_term_is_the_huber_loss_of_the_noisy_items():
    """Wanted 5 and 12.5 dB: off by 0.5 dB costs 0.125, off by 4 dB costs 3.5; the clean items' values do not count."""
    loss, said = ready(), embeddings()
    said["noise_snr"] = torch.tensor([100.0, 5.5, -100.0, 8.5], requires_grad=True)
    value, _ = loss.joint(said, LABELS, wanted_of(speech=torch.zeros(4, 1, 1)))
    assert loss.parts["noise"].item() == pytest.approx((0.125 + 3.5) / 2)
    value.backward()
    assert said["noise_snr"].grad.tolist() == [0, 0.25, 0, -0.5]


def test_both_attributes_are_summed():
    loss, said = ready(), embeddings()
    said |= {"noise_class": torch.zeros(4, 3), "noise_snr": torch.tensor([0.0, 5.0, 0.0, 14.0])}
    loss.joint(said, LABELS, wanted_of(speech=torch.zeros(4, 1, 1)))
    assert loss.parts["noise"].item() == pytest.approx(math.log(3) + (0 + 1) / 2)


@pytest.mark.parametrize("name", ["noise", "noise_class", "noise_snr"])
def test_a_batch_without_noise_costs_nothing(name):
    loss, said = ready(), embeddings()
    shapes = {"noise": (4, 6, 2), "noise_class": (4, 3), "noise_snr": (4,)}
    said[name] = torch.randn(shapes[name], requires_grad=True)
    value, _ = loss.joint(said, LABELS, wanted_of([{"noise": "clean"}] * 4, noise=torch.zeros(4, 6, 2)))
    value.backward()
    assert loss.parts["noise"].item() == 0
    assert not said[name].grad.any()
    assert said[name].grad.isfinite().all()


def test_weights_are_applied_and_parts_are_without_them():
    weights = {"speech": 0.5, "noise": 0.0, "margin": 2.0}
    loss, said = ready(weights=weights), embeddings()
    said |= {"speech": torch.ones(4, 2, 2), "noise": torch.ones(4, 2, 2)}
    value, _ = loss.joint(said, LABELS, wanted_of(speech=torch.zeros(4, 2, 2), noise=torch.zeros(4, 2, 2)))
    parts = {name: part.item() for name, part in loss.parts.items()}
    assert (parts["speech"], parts["noise"]) == (1, 1)
    assert value.item() == pytest.approx(sum(weights.get(name, 1) * part for name, part in parts.items()))


def test_a_mistyped_weight():
    with pytest.raises(InputError, match="weights: prototypical: no such term; there are noise, speech, initial"):
        ParaNoiseLoss(weights={"prototypical": 2})


def test_embeddings_alone_have_the_two_terms_of_embeddings():
    loss, said = ready(), embeddings()
    value, _ = loss(said["embedding"], LABELS)
    assert loss.parts.keys() == {"margin", "prototype"}
    assert value.item() == pytest.approx(sum(part.item() for part in loss.parts.values()))


def test_other_losses_look_at_the_embedding_alone():
    """SpeakerLoss.joint is forward."""
    loss = AAMSoftmax()
    loss.setup(5, 3)
    said = embeddings()
    for one, two in zip(loss.joint(said, LABELS, {}), loss(said["embedding"], LABELS), strict=True):
        assert torch.equal(one, two)
