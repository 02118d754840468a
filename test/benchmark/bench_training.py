"""Networks.

ECAPA-TDNN with C = 1024, 3072 aggregated channels and 192-d embeddings in float32, against SpeechBrain's, which has the
same layers (ours is told to leave out what SpeechBrain's lacks: sums over blocks, batch normalisation in the
squeeze-excitation and after the embedding). Both must have as many parameters; SpeechBrain's attention has a tanh more,
so the values cannot be the same.

A training step takes a batch of 8 x 3 s of features forward and back through the network and a softmax over 1000
speakers, and updates by AdamW. Inference is the embedding of 10 s of features, in evaluation mode.
"""

import torch
from benchmark.harness import Peer, compare, row
from torch import nn

from toolkit.models.sv.ecapa_tdnn import EcapaTdnn

SPEAKERS, MELS, DIM = 1000, 80, 192


def ours() -> nn.Module:
    """As SpeechBrain has it."""
    widths = {"channels": 1024, "mfa_channels": 3072, "embedding_dim": DIM}
    norms = {"se_norm": False, "mfa_norm": True, "embedding_norm": False}
    return EcapaTdnn(MELS, **widths, **norms, residual_sum=False)


def speechbrain() -> nn.Module:
    """SpeechBrain's, with the sizes of its VoxCeleb recipe."""
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    widths = {"channels": [1024] * 4 + [3072], "attention_channels": 128, "lin_neurons": DIM}
    return ECAPA_TDNN(MELS, **widths, kernel_sizes=[5, 3, 3, 3, 1], dilations=[1, 2, 3, 4, 1])


def parameters(network: nn.Module) -> int:
    """Their number."""
    return sum(parameter.numel() for parameter in network.parameters())


def same_size(ours, theirs) -> None:
    """As many parameters, results of one shape, all finite."""
    (count, result), (their_count, their_result) = ours, theirs
    assert count == their_count, f"{count} and {their_count} parameters"
    assert result.numel() == their_result.numel()
    assert result.isfinite().all()
    assert their_result.isfinite().all()


def step_of(network: nn.Module):
    """A callable that does one training step; number of parameters and loss."""
    torch.manual_seed(0)
    classifier, count = nn.Linear(DIM, SPEAKERS), parameters(network)
    optimizer = torch.optim.AdamW([*network.parameters(), *classifier.parameters()], lr=1e-4)
    feats, labels = torch.randn(8, 298, MELS), torch.randint(SPEAKERS, (8,))

    def step():
        loss = nn.functional.cross_entropy(classifier(network(feats).reshape(8, DIM)), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return count, loss.detach()

    return step


def embedding_of(network: nn.Module):
    """A callable that embeds 10 s; number of parameters and embedding."""
    network.eval()
    feats, count = torch.randn(1, 998, MELS), parameters(network)

    def embed():
        with torch.inference_mode():
            return count, network(feats)

    return embed


@row("training step of ECAPA-TDNN C = 1024, 8 x 3 s")
def step():
    """Forward, backward, update."""
    peer = Peer("ECAPA_TDNN", lambda: step_of(speechbrain()), "speechbrain", target=1)
    return compare(step_of(ours()), [peer], agree=same_size, rounds=3, unit="s a step")


@row("embedding of 10 s by ECAPA-TDNN C = 1024")
def embedding():
    """Inference."""
    peer = Peer("ECAPA_TDNN", lambda: embedding_of(speechbrain()), "speechbrain", target=1)
    return compare(embedding_of(ours()), [peer], agree=same_size, amount=10, rounds=5, unit="x real time")
