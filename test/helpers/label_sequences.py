"""All texts that a tiny recogniser can give, with their probabilities, by enumeration."""

from collections import defaultdict
from itertools import groupby, product

import torch
from torch import Tensor

from toolkit.data.text_units import BLANK, EOS


def ctc_texts(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """Probability of each text by CTC: log_probs (T, U) -> the sum over all U^T paths that collapse to it."""
    probs, texts = log_probs.double().exp(), defaultdict(float)
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = tuple(unit for unit, _ in groupby(path) if unit != BLANK)
        texts[text] += float(torch.stack([probs[t, unit] for t, unit in enumerate(path)]).prod())
    return texts


def decoder_log_prob(decoder, memory: Tensor, text: tuple[int, ...]) -> float:
    """Log-probability of a text and its end by a decoder over memory (1, T, D)."""
    inputs = torch.tensor([[EOS, *text]])
    scores = decoder(inputs, memory).double().log_softmax(2)[0]
    return float(sum(scores[i, unit] for i, unit in enumerate((*text, EOS))))
