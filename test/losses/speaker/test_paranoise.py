"""The joint loss of ParaNoise-SV: every term against numbers worked by hand, and what it is told to estimate."""

import math

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE
from toolkit.losses.speaker.paranoise import ParaNoiseLoss, class_targets, is_noisy, masked_mse, snr_targets

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
    dims = {"embedding": 5, "initial": 5}
    loss.setup(TrainingFacts(num_speakers=3, dims=dims, classes={"noise_class": CLASSES}))
    return loss


def embeddings() -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    return {"embedding": torch.randn(4, 5), "initial": torch.randn(4, 5)}


def compute(loss, outputs, facts=FACTS):
    return loss(outputs, {"labels": LABELS, "facts": facts})


# --- targets ---------------------------------------------------------------------------------------------------------


def test_targets_say_which_items_are_noisy_with_what_at_what_level():
    assert is_noisy(FACTS, CPU).tolist() == [False, True, False, True]
    assert class_targets(FACTS, CLASSES, CPU).tolist() == [-1, 1, -1, 2]
    assert snr_targets(FACTS, CPU).tolist() == [0, 5, 0, 12.5]


def test_targets_without_a_classifier():
    facts = [{"noise": "rain", "snr": "3"}, {}]
    assert is_noisy(facts, CPU).tolist() == [True, False]
    assert class_targets(facts, (), CPU).tolist() == [-1, -1]


def test_a_kind_that_the_classifier_does_not_know_is_named():
    with pytest.raises(InputError, match="noise_classes are noise, babble, music; the mixtures have rain"):
        class_targets([{"noise": "rain", "snr": "3"}, {}], CLASSES, CPU)


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
    expected = torch.full((1, 1, 1), -13.8125)
    assert masked_mse(torch.full((1, 1, 1), -13.75).bfloat16(), expected + 0.03125, None).item() == 0.03125**2


# --- the sum ---------------------------------------------------------------------------------------------------------


def test_all_five_terms():
    """Speech off by 1 and 3 in half of the elements each: 5; noise off by 2 in the noisy items, by 7 in the clean."""
    loss, outputs = ready(), embeddings()
    outputs |= {"spk1_feats": torch.randn(4, 6, 2), "noise1_feats": torch.randn(4, 6, 2)}
    outputs["speech"] = outputs["spk1_feats"] + torch.tensor([1.0, 3.0])
    outputs["noise"] = outputs["noise1_feats"] + torch.tensor([7.0, 2.0, 7.0, 2.0]).view(4, 1, 1)
    value, terms = compute(loss, outputs)
    classifier, final = loss.losses["initial"].classifier, outputs["embedding"]
    logits = outputs["initial"] @ classifier.weight.T + classifier.bias
    expected = {
        "speech": 5.0,
        "noise": 4.0,
        "initial": torch.nn.functional.cross_entropy(logits, LABELS).item(),
        "prototype": loss.losses["prototype"].compare(final, LABELS)[0].item(),
        "margin": loss.losses["margin"].compare(final, LABELS)[0].item(),
    }
    assert value.item() == pytest.approx(sum(expected.values()), rel=1e-5)
    expected["accuracy"] = (loss.losses["margin"].compare(final, LABELS)[1].argmax(1) == LABELS).float().mean().item()
    expected["accuracy_initial"] = (logits.argmax(1) == LABELS).float().mean().item()
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    assert not any(term.requires_grad for term in terms.values())


def test_members_are_those_of_the_paper():
    """Section 3: margin 0.15, scale 32; lineage: w = 10, b = -5 of the prototypes; a linear layer with bias."""
    loss = ready()
    assert isinstance(loss.losses["margin"], AAMSoftmax)
    assert (loss.losses["margin"].margin, loss.losses["margin"].scale, loss.losses["margin"].easy_margin) == (
        0.15,
        32,
        False,
    )
    assert isinstance(loss.losses["prototype"], AngularPrototypical)
    assert (loss.losses["prototype"].scale.item(), loss.losses["prototype"].bias.item()) == (10, -5)
    assert isinstance(loss.losses["initial"], SoftmaxCE)
    assert {name: tuple(p.shape) for name, p in loss.named_parameters()} == {
        "losses.initial.classifier.weight": (3, 5),
        "losses.initial.classifier.bias": (3,),
        "losses.prototype.scale": (),
        "losses.prototype.bias": (),
        "losses.margin.weight": (3, 5),
    }
    assert loss.utterances_per_speaker == 2


def test_the_clean_utterance_is_the_prototype_and_the_noisy_one_the_query():
    """Noisy 0 and 1 are both nearest to clean 0: rows of the softmax are queries, so query 1 pays."""
    loss = ready(weights={"margin": 0})
    clean, noisy = torch.eye(5)[:2], torch.eye(5)[[0, 0]]
    x = torch.stack((clean[0], noisy[0], clean[1], noisy[1]))
    expected = (math.log(1 + math.exp(-10)) + math.log(1 + math.exp(10))) / 2
    assert compute(loss, {"embedding": x})[0].item() == pytest.approx(expected, rel=1e-5)


def test_class_term_is_the_cross_entropy_of_the_noisy_items():
    """Babble's probability is 1/2 in the first noisy item, music's 1/4 in the second: (log 2 + log 4) / 2."""
    loss, outputs = ready(), embeddings()
    outputs["noise_class"] = torch.tensor([[1e-9, 1, 1], [0.25, 0.5, 0.25], [1, 1, 1e-9], [0.5, 0.25, 0.25]]).log()
    terms = compute(loss, outputs)[1]
    assert terms["noise"].item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_snr_term_is_the_huber_loss_of_the_noisy_items():
    """Wanted 5 and 12.5 dB: off by 0.5 dB costs 0.125, off by 4 dB costs 3.5; the clean items' values do not count."""
    loss, outputs = ready(), embeddings()
    outputs["noise_snr"] = torch.tensor([100.0, 5.5, -100.0, 8.5], requires_grad=True)
    value, terms = compute(loss, outputs)
    assert terms["noise"].item() == pytest.approx((0.125 + 3.5) / 2)
    value.backward()
    assert outputs["noise_snr"].grad.tolist() == [0, 0.25, 0, -0.5]


def test_both_attributes_are_summed():
    loss, outputs = ready(), embeddings()
    outputs |= {"noise_class": torch.zeros(4, 3), "noise_snr": torch.tensor([0.0, 5.0, 0.0, 14.0])}
    terms = compute(loss, outputs)[1]
    assert terms["noise"].item() == pytest.approx(math.log(3) + (0 + 1) / 2)


@pytest.mark.parametrize("name", ["noise", "noise_class", "noise_snr"])
def test_a_batch_without_noise_costs_nothing(name):
    loss, outputs = ready(), embeddings()
    shapes = {"noise": (4, 6, 2), "noise_class": (4, 3), "noise_snr": (4,)}
    outputs[name] = torch.randn(shapes[name], requires_grad=True)
    outputs["noise1_feats"] = torch.zeros(4, 6, 2)
    value, terms = compute(loss, outputs, [{"noise": "clean"}] * 4)
    value.backward()
    assert terms["noise"].item() == 0
    assert not outputs[name].grad.any()
    assert outputs[name].grad.isfinite().all()


def test_weights_are_applied_and_parts_are_without_them():
    weights = {"speech": 0.5, "noise": 0.0, "margin": 2.0}
    loss, outputs = ready(weights=weights), embeddings()
    outputs |= {"speech": torch.ones(4, 2, 2), "noise": torch.ones(4, 2, 2)}
    outputs |= {"spk1_feats": torch.zeros(4, 2, 2), "noise1_feats": torch.zeros(4, 2, 2)}
    value, terms = compute(loss, outputs)
    parts = {name: term.item() for name, term in terms.items() if not name.startswith("accuracy")}
    assert (parts["speech"], parts["noise"]) == (1, 1)
    assert value.item() == pytest.approx(sum(weights.get(name, 1) * part for name, part in parts.items()))


def test_a_mistyped_weight():
    with pytest.raises(InputError, match="weights: prototypical: no such loss; there are noise, speech, initial"):
        ParaNoiseLoss(weights={"prototypical": 2})


def test_embeddings_alone_have_the_two_terms_of_embeddings():
    """As of a network that gives nothing else, whose loss has no classifier of initial embeddings then."""
    loss = ParaNoiseLoss()
    loss.setup(TrainingFacts(num_speakers=3, dims={"embedding": 5}))
    value, terms = compute(loss, {"embedding": embeddings()["embedding"]})
    assert terms.keys() == {"margin", "prototype", "accuracy"}
    assert value.item() == pytest.approx(terms["margin"].item() + terms["prototype"].item())
    assert "initial" not in loss.losses
