import math

import pytest
import torch
import torch.nn.functional as F

from toolkit.io.errors import InputError
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE, SumLoss

LABELS = torch.tensor([0, 0, 2, 2, 1, 1])


def ready(loss, dim=5, speakers=3):
    loss.setup(dim, speakers)
    return loss


def slow_aam(embeddings, weight, labels, margin, scale, easy):
    """Element by element, with angles."""
    total = 0.0
    for x, y in zip(embeddings, labels, strict=True):
        logits = []
        for j, w in enumerate(weight):
            theta = math.acos(max(-1, min(1, (x @ w / x.norm() / w.norm()).item())))
            cosine = math.cos(theta)
            if j == y and easy:
                cosine = math.cos(theta + margin) if cosine > 0 else cosine
            elif j == y:
                inside = theta + margin < math.pi
                cosine = math.cos(theta + margin) if inside else cosine - margin * math.sin(margin)
            logits.append(scale * cosine)
        total += math.log(sum(map(math.exp, logits))) - logits[y]
    return total / len(labels)


@pytest.mark.parametrize("easy", [False, True])
@pytest.mark.parametrize("margin", [0.15, 0.5, 1.5])
def test_aam_equals_the_formula_in_angles(margin, easy):
    loss = ready(AAMSoftmax(margin, 8.0, easy))
    x = torch.randn(60, 5)
    labels = torch.arange(60) % 3
    x[0], x[3] = -2 * loss.weight[0].detach(), 2 * loss.weight[0].detach()  # theta + m beyond pi; theta = 0
    expected = slow_aam(x, loss.weight.detach(), labels, margin, 8.0, easy)
    assert loss(x, labels)[0].item() == pytest.approx(expected, abs=2e-4)


def test_aam_without_margin_is_softmax_over_scaled_cosines():
    loss, x = ready(AAMSoftmax(0.0, 17.0)), torch.randn(6, 5)
    cosines = F.cosine_similarity(x[:, None], loss.weight[None], dim=-1)
    value, logits = loss(x, LABELS)
    torch.testing.assert_close(logits, 17 * cosines)
    torch.testing.assert_close(value, F.cross_entropy(17 * cosines, LABELS))


def test_margin_can_grow_during_training_and_the_logits_are_without_it():
    loss, x = ready(AAMSoftmax(0.0)), torch.randn(6, 5)
    values, logits = [], []
    for loss.margin in (0.0, 0.1, 0.3):
        value, scaled = loss(x, LABELS)
        values.append(value.item())
        logits.append(scaled)
    assert values == sorted(values)
    assert values[0] < values[2]
    assert torch.equal(logits[0], logits[2])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_aam_gradient_is_finite_at_cosine_one(sign):
    loss = ready(AAMSoftmax())
    x = (sign * loss.weight.detach()[LABELS]).requires_grad_()
    loss(x, LABELS)[0].backward()
    assert x.grad.isfinite().all()
    assert loss.weight.grad.isfinite().all()


@pytest.mark.parametrize("loss", [AAMSoftmax(), AngularPrototypical()])
def test_losses_are_in_float32_under_autocast(loss):
    x = torch.randn(6, 5).bfloat16()
    expected = ready(loss)(x.float(), LABELS)[0]
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(x, LABELS)[0]
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


def test_softmax_is_cross_entropy_of_a_linear_layer_with_bias():
    loss, x = ready(SoftmaxCE()), torch.randn(6, 5)
    value, logits = loss(x, LABELS)
    torch.testing.assert_close(logits, x @ loss.classifier.weight.T + loss.classifier.bias)
    torch.testing.assert_close(value, -logits.log_softmax(1)[range(6), LABELS].mean())


@pytest.mark.parametrize("per_speaker", [2, 3])
def test_prototypical_equals_loops(per_speaker):
    loss = ready(AngularPrototypical(utterances_per_speaker=per_speaker))
    x = torch.randn(4 * per_speaker, 5)
    total = 0.0
    for j in range(4):
        query = x[j * per_speaker + per_speaker - 1]
        logits = []
        for k in range(4):
            prototype = sum(x[k * per_speaker + u] for u in range(per_speaker - 1)) / (per_speaker - 1)
            logits.append(10 * F.cosine_similarity(query, prototype, dim=0).item() - 5)
        total += math.log(sum(map(math.exp, logits))) - logits[j]
    value, logits = loss(x, torch.arange(4).repeat_interleave(per_speaker))
    assert value.item() == pytest.approx(total / 4, abs=1e-4)
    assert logits is None


def test_a_second_pair_of_a_speaker_is_no_negative_of_the_first():
    """What two pairs of speaker 0 and one of speaker 1 cost: each of 0's has one negative, 1's has two."""
    loss, x = ready(AngularPrototypical()), torch.randn(6, 5)
    value, _ = loss(x, torch.tensor([0, 0, 1, 1, 0, 0]))
    queries, prototypes = F.normalize(x[1::2]), F.normalize(x[::2])
    pairs = 10 * queries @ prototypes.T - 5
    costs = [torch.logsumexp(pairs[i, [i, *others]], 0) - pairs[i, i] for i, others in enumerate([[1], [0, 2], [1]])]
    torch.testing.assert_close(value, sum(costs) / 3)
    assert loss(x, torch.zeros(6, dtype=int))[0] == 0  # one speaker alone: nothing to tell apart


@pytest.mark.parametrize("labels", [[0, 1, 0, 1], [0, 0, 1]])
def test_prototypical_refuses_a_batch_in_another_order(labels):
    with pytest.raises(ValueError, match="side by side"):
        ready(AngularPrototypical())(torch.randn(len(labels), 5), torch.tensor(labels))


def test_prototypical_trains_scale_and_bias_from_ten_and_minus_five():
    loss = ready(AngularPrototypical())
    assert {name: p.item() for name, p in loss.named_parameters()} == {"scale": 10, "bias": -5}
    loss(torch.randn(6, 5), LABELS)[0].backward()
    assert loss.scale.grad.abs() > 0


def test_sum_is_weighted_and_keeps_its_parts():
    members = {"ap": AngularPrototypical(utterances_per_speaker=3), "aam": AAMSoftmax()}
    loss = ready(SumLoss(members, {"ap": 0.5}))
    x, labels = torch.randn(6, 5), LABELS.sort().values.repeat_interleave(3)[:6]
    value, logits = loss(x, labels)
    ap, (aam, aam_logits) = members["ap"](x, labels)[0], members["aam"](x, labels)
    torch.testing.assert_close(value, 0.5 * ap + aam)
    assert torch.equal(logits, aam_logits)
    assert loss.utterances_per_speaker == 3
    assert {name: part.item() for name, part in loss.parts.items()} == {"ap": ap.item(), "aam": aam.item()}
    assert not loss.parts["ap"].requires_grad


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
        SumLoss(losses, weights)


def test_prototypical_needs_two_utterances():
    with pytest.raises(InputError, match="2 or more"):
        AngularPrototypical(utterances_per_speaker=1)


def test_descent_on_the_sum_separates_speakers():
    torch.manual_seed(0)
    loss = ready(SumLoss({"aam": AAMSoftmax(), "ap": AngularPrototypical()}), dim=4)
    x = torch.randn(6, 4, requires_grad=True)
    optimizer = torch.optim.Adam([x, *loss.parameters()], 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        value, logits = loss(x, LABELS)
        value.backward()
        optimizer.step()
    assert torch.equal(logits.argmax(1), LABELS)
    similarity = F.normalize(x, dim=1) @ F.normalize(x, dim=1).T
    same = LABELS[:, None] == LABELS
    assert similarity[same].min() > similarity[~same].max()
