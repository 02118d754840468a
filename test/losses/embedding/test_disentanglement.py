"""DRL's losses: by hand, by brute force, against torch's Adam; gradients that turn round, and those that stay away."""

import copy

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses import TrainingFacts
from toolkit.losses.embedding import (
    AdversarialTriplet,
    CodeCorrelation,
    DRLLoss,
    EnvironmentTriplet,
    InputReconstruction,
    SpeakerOfTriplet,
)
from toolkit.losses.embedding.disentanglement import _mean_of_processes, triplet_loss
from toolkit.testing import fake_cuda

FACTS = TrainingFacts(num_speakers=4, dims={"embedding": 6, "environment": 6})
LABELS = torch.arange(4).repeat_interleave(3)


def codes(seed: int = 0) -> torch.Tensor:
    """(12, 6): of each of four speakers three; the third has an environment, which moves one number."""
    rows = torch.randn(12, 6, generator=torch.Generator().manual_seed(seed))
    rows[2::3, 5] += 4
    return rows.requires_grad_()


def set_up(loss, seed: int = 0):
    torch.manual_seed(seed)
    loss.setup(FACTS)
    return loss


def outputs_of(rows: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"embedding": rows, "environment": rows.flip(1), "original": rows.detach(), "reconstruction": 2 * rows}


def test_triplets_at_unit_length():
    """|a - p|^2, |a - n|^2: 2, 4 and 4, 2; max(0, -2 + 0.3) and 2.3."""
    outputs = [[1, 0], [0, 2], [-3, 0], [5, 0], [-1, 0], [0, 1]]
    assert float(triplet_loss(torch.tensor(outputs, dtype=torch.float32), 0.3)) == pytest.approx(2.3 / 2)


def test_correlation_is_numpys():
    one, other = codes(1), codes(2)
    expected = [abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(one.detach(), other.detach(), strict=True)]
    loss, _ = set_up(CodeCorrelation())({"embedding": one, "environment": other}, {})
    assert float(loss.detach()) == pytest.approx(np.mean(expected), rel=1e-5)


def test_correlation_of_a_constant_code_is_zero():
    constant = torch.ones(3, 6, requires_grad=True)
    loss, _ = CodeCorrelation()({"embedding": constant, "environment": codes()[:3]}, {})
    loss.backward()
    assert float(loss.detach()) == 0
    assert constant.grad.isfinite().all()


def test_reconstruction_draws_one_side():
    original, made = (torch.tensor(x, requires_grad=True) for x in ([[1.0, 2.0]], [[0.0, 5.0]]))
    loss, _ = InputReconstruction()({"original": original, "reconstruction": made}, {})
    loss.backward()
    assert float(loss.detach()) == (1 + 3) / 2
    assert original.grad is None
    assert made.grad.tolist() == [[-0.5, 0.5]]


def test_speaker_loss_of_anchor_and_negative():
    loss, rows = set_up(SpeakerOfTriplet()), codes()
    value, terms = loss({"embedding": rows}, {"labels": LABELS})
    anchor, negative = rows[0::3], rows[2::3]
    weight = loss.losses.losses["softmax"].classifier
    both = torch.cat([anchor, negative]) @ weight.weight.T + weight.bias
    softmax = (both.logsumexp(1) - both[range(8), [0, 1, 2, 3] * 2]).mean()
    cosine = torch.stack([torch.stack([torch.cosine_similarity(n, a, dim=0) for a in anchor]) for n in negative])
    logits = 10 * cosine - 5
    prototype = (logits.logsumexp(1) - logits.diagonal()).mean()
    assert float(terms["softmax"]) == pytest.approx(softmax.item(), rel=1e-5)
    assert float(terms["prototype"]) == pytest.approx(prototype.item(), rel=1e-5)
    assert value.item() == pytest.approx((softmax + prototype).item(), rel=1e-5)


def test_the_positive_is_not_read():
    loss, rows = set_up(SpeakerOfTriplet()), codes()
    loss({"embedding": rows}, {"labels": LABELS})[0].backward()
    assert not rows.grad[1::3].any()
    assert rows.grad[0::3].any()
    assert rows.grad[2::3].any()


def test_the_gradient_is_that_of_the_discriminator_turned_round():
    plain, adversarial = set_up(EnvironmentTriplet("embedding", 5)), set_up(AdversarialTriplet("embedding", 5))
    gradients, values = [], []
    for loss in (plain, adversarial):
        rows = codes()
        value, _ = loss({"embedding": rows}, {})
        value.backward()  # after the adversary has learnt: as the trainer calls it
        gradients.append(rows.grad)
        values.append(value)
    assert values[0] == values[1] > 0
    torch.testing.assert_close(gradients[0], -gradients[1])
    assert all(parameter.grad is None for parameter in adversarial.parameters())


def test_the_discriminator_learns_as_by_torchs_adam():
    loss = set_up(AdversarialTriplet(steps=3, lr=0.01, weight_decay=0.02))
    network = copy.deepcopy(loss.discriminator).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, weight_decay=0.02)
    for batch in range(4):
        _, terms = loss({"embedding": codes(batch)}, {})
        for _ in range(3):
            optimizer.zero_grad()
            value = triplet_loss(network(codes(batch).detach()), 0.3)
            value.backward()
            optimizer.step()
        assert float(terms["discriminator"]) == pytest.approx(value.item(), rel=1e-4)
    for ours, theirs in zip(loss.discriminator.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", [EnvironmentTriplet("embedding"), AdversarialTriplet()])
def test_the_environment_comes_out_of_one_code_and_goes_from_the_other(loss):
    """A code is noise, and by a gain that is learnt the environment, which anchor and positive share."""
    gain, generator = torch.ones(1, requires_grad=True), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam([gain, *(p for p in set_up(loss).parameters() if p.requires_grad)], lr=0.03)
    for _ in range(80):
        environment = torch.randn(60, 2, generator=generator)[:, [0, 0, 1]].reshape(-1, 1)
        rows = torch.randn(180, 6, generator=generator) + gain * environment * torch.eye(6)[5]
        optimizer.zero_grad()
        loss({"embedding": rows}, {})[0].backward()
        optimizer.step()
    assert (float(gain.detach()) > 1.5) if type(loss) is EnvironmentTriplet else (abs(float(gain.detach())) < 0.3)


@pytest.mark.parametrize("case", ["eval", "no gradient", "not finite"])
def test_the_discriminator_does_not_learn_from(case):
    loss, rows = set_up(AdversarialTriplet()), codes().detach()
    before = copy.deepcopy(loss.state_dict())
    if case == "not finite":
        rows[0, 0] = float("nan")
    with torch.set_grad_enabled(case != "no gradient"):
        loss.train(case != "eval")({"embedding": rows}, {})
    assert all(torch.equal(before[name], value) for name, value in loss.state_dict().items())


def test_an_adversary_goes_on_as_if_it_had_not_stopped():
    whole, first = set_up(AdversarialTriplet()), set_up(AdversarialTriplet())
    for batch in range(4):
        whole({"embedding": codes(batch)}, {})
    first({"embedding": codes(0)}, {})
    second = set_up(AdversarialTriplet(), 9)
    second.load_state_dict(first.state_dict())
    for batch in range(1, 4):
        second({"embedding": codes(batch)}, {})
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in whole.state_dict().items())


def test_the_sum_has_the_papers_weights():
    loss, rows = set_up(DRLLoss()), codes()
    value, terms = loss(outputs_of(rows), {"labels": LABELS})
    parts = [terms[name] for name in ("speaker", "environment", "correlation", "reconstruction")]
    assert value.item() == pytest.approx((sum(parts) + 0.5 * terms["adversarial"]).item(), rel=1e-5)
    assert loss.utterances_per_speaker == 3


def test_a_loss_of_weight_0_is_left_out():
    loss = DRLLoss(weights={"adversarial": 0, "correlation": 0})
    loss.setup(TrainingFacts(num_speakers=4, dims={"embedding": 6, "environment": 3}))
    assert {*loss.losses} == {"speaker", "environment", "reconstruction"}


def test_it_computes_where_its_input_lies():
    loss = set_up(DRLLoss())
    loss(outputs_of(codes()), {"labels": LABELS})
    with fake_cuda(loss) as there:
        value, _ = there(
            outputs_of(torch.zeros(12, 6, device="cuda")), {"labels": torch.zeros(12, dtype=torch.int64, device="cuda")}
        )
        assert value.device.type == "cuda"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: set_up_with(num_speakers=0), "utt2spk"),
        (lambda: set_up_with(dims={"embedding": 6, "environment": 3}), "6.*3"),
        (lambda: set_up_with(dims={"embedding": 6}), "environment"),
        (lambda: DRLLoss(weights={"spaeker": 1}), "spaeker"),
        (lambda: DRLLoss(hidden_dim=0), "hidden_dim 0"),
        (lambda: DRLLoss(lr=0), "lr 0"),
        (lambda: SpeakerOfTriplet((0, 3)), r"\[0, 3\]"),
        (lambda: set_up(SpeakerOfTriplet())({"embedding": codes()}, {}), "utt2spk"),
        (lambda: set_up(DRLLoss())({"embedding": codes()}, {"labels": LABELS}), "environment"),
    ],
)
def test_what_does_not_fit_is_refused(make, match):
    with pytest.raises(InputError, match=match):
        make()


def set_up_with(num_speakers: int = 4, dims=FACTS.dims) -> None:
    DRLLoss().setup(TrainingFacts(num_speakers=num_speakers, dims=dims))


def test_gradients_are_the_mean_of_all_processes(monkeypatch):
    """As if the gradient of the other of two processes were 3 throughout."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda gradient: gradient.add_(3))
    assert [g.tolist() for g in _mean_of_processes((torch.ones(2), torch.zeros(1)))] == [[2, 2], [1.5]]
