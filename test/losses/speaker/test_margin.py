import math

import pytest
import torch
import torch.nn.functional as F

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.speaker.margin import AAMSoftmax, AMSoftmax, AngularPrototypical, SoftmaxCE

LABELS = torch.tensor([0, 0, 2, 2, 1, 1])


def ready(loss, dim=5, speakers=3):
    loss.setup(TrainingFacts(num_speakers=speakers, dims={"embedding": dim}))
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
    assert loss.compare(x, labels)[0].item() == pytest.approx(expected, abs=2e-4)


def test_am_by_its_equation():
    """-log exp(s (c_y - m)) / (exp(s (c_y - m)) + sum of exp(s c_j) over the others), c cosines."""
    loss, x = ready(AMSoftmax(0.35, 6.0)), torch.randn(6, 5)
    cosines = F.cosine_similarity(x[:, None], loss.weight[None], dim=-1).tolist()
    total = 0.0
    for row, y in zip(cosines, LABELS.tolist(), strict=True):
        own = math.exp(6 * (row[y] - 0.35))
        total -= math.log(own / (own + sum(math.exp(6 * c) for j, c in enumerate(row) if j != y)))
    assert loss.compare(x, LABELS)[0].item() == pytest.approx(total / 6, rel=1e-5)


def test_aam_without_margin_is_softmax_over_scaled_cosines():
    loss, x = ready(AAMSoftmax(0.0, 17.0)), torch.randn(6, 5)
    cosines = F.cosine_similarity(x[:, None], loss.weight[None], dim=-1)
    value, logits = loss.compare(x, LABELS)
    torch.testing.assert_close(logits, 17 * cosines)
    torch.testing.assert_close(value, F.cross_entropy(17 * cosines, LABELS))


def test_margin_can_grow_during_training_and_the_logits_are_without_it():
    loss, x = ready(AAMSoftmax(0.0)), torch.randn(6, 5)
    values, logits = [], []
    for loss.margin in (0.0, 0.1, 0.3):
        value, scaled = loss.compare(x, LABELS)
        values.append(value.item())
        logits.append(scaled)
    assert values == sorted(values)
    assert values[0] < values[2]
    assert torch.equal(logits[0], logits[2])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_aam_gradient_is_finite_at_cosine_one(sign):
    loss = ready(AAMSoftmax())
    x = (sign * loss.weight.detach()[LABELS]).requires_grad_()
    loss.compare(x, LABELS)[0].backward()
    assert x.grad.isfinite().all()
    assert loss.weight.grad.isfinite().all()


@pytest.mark.parametrize("loss", [AAMSoftmax(), AngularPrototypical()])
def test_losses_are_in_float32_under_autocast(loss):
    x = torch.randn(6, 5).bfloat16()
    expected = ready(loss).compare(x.float(), LABELS)[0]
    with torch.autocast("cpu", torch.bfloat16):
        value = loss.compare(x, LABELS)[0]
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


def test_softmax_is_cross_entropy_of_a_linear_layer_with_bias():
    loss, x = ready(SoftmaxCE()), torch.randn(6, 5)
    value, logits = loss.compare(x, LABELS)
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
    value, logits = loss.compare(x, torch.arange(4).repeat_interleave(per_speaker))
    assert value.item() == pytest.approx(total / 4, abs=1e-4)
    assert logits is None


def test_a_second_pair_of_a_speaker_is_no_negative_of_the_first():
    """What two pairs of speaker 0 and one of speaker 1 cost: each of 0's has one negative, 1's has two."""
    loss, x = ready(AngularPrototypical()), torch.randn(6, 5)
    value, _ = loss.compare(x, torch.tensor([0, 0, 1, 1, 0, 0]))
    queries, prototypes = F.normalize(x[1::2]), F.normalize(x[::2])
    pairs = 10 * queries @ prototypes.T - 5
    costs = [torch.logsumexp(pairs[i, [i, *others]], 0) - pairs[i, i] for i, others in enumerate([[1], [0, 2], [1]])]
    torch.testing.assert_close(value, sum(costs) / 3)
    assert loss.compare(x, torch.zeros(6, dtype=int))[0] == 0  # one speaker alone: nothing to tell apart


@pytest.mark.parametrize("labels", [[0, 1, 0, 1], [0, 0, 1]])
def test_prototypical_refuses_a_batch_in_another_order(labels):
    with pytest.raises(ValueError, match="2 adjacent utterances"):
        ready(AngularPrototypical()).compare(torch.randn(len(labels), 5), torch.tensor(labels))


def test_prototypical_trains_scale_and_bias_from_ten_and_minus_five():
    loss = ready(AngularPrototypical())
    assert {name: p.item() for name, p in loss.named_parameters()} == {"scale": 10, "bias": -5}
    loss.compare(torch.randn(6, 5), LABELS)[0].backward()
    assert loss.scale.grad.abs() > 0


def test_prototypical_needs_two_utterances():
    with pytest.raises(InputError, match="2 or more"):
        AngularPrototypical(utterances_per_speaker=1)


def test_accuracy_is_told_of_the_output_that_is_classified():
    """Two of three nearest to their own weight."""
    facts, vectors = TrainingFacts(num_speakers=3, dims={"first": 3}), torch.eye(3)
    loss = AAMSoftmax(output="first")
    loss.setup(facts)
    loss.weight.data = torch.eye(3)
    value, terms = loss({"first": vectors}, {"labels": torch.tensor([0, 1, 1])})
    assert {name: round(term.item(), 4) for name, term in terms.items()} == {"accuracy_first": 0.6667}
    assert torch.equal(value, loss.compare(vectors, torch.tensor([0, 1, 1]))[0])


def test_what_a_loss_cannot_have_is_named():
    with pytest.raises(InputError, match="AAMSoftmax: reads the vector `embedding`; the network has initial"):
        AAMSoftmax().setup(TrainingFacts(num_speakers=3, dims={"initial": 3}))
    with pytest.raises(InputError, match="AAMSoftmax: needs speaker labels"):
        ready(AAMSoftmax())({"embedding": torch.randn(2, 5)}, {})
    with pytest.raises(InputError, match="reads the output `embedding`; the network gives speech"):
        ready(AAMSoftmax())({"speech": torch.randn(2, 5)}, {"labels": LABELS[:2]})
