"""Normalisation of features over an utterance."""

from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask


def utterance_norm(feats: Tensor, lengths: Tensor | None = None, variance: bool = True, floor: float = 1e-5) -> Tensor:
    """Normalise features to mean 0, and variance 1, over each utterance.

    Args:
        feats: (B, T, F).
        lengths: (B,) number of frames; None: all have T.
        variance: also divide by the standard deviation.
        floor: constant added to the variance.

    Returns:
        (B, T, F); padding is zero.
    """
    if lengths is None:
        feats = feats - feats.mean(1, keepdim=True)
        return feats / (feats.square().mean(1, keepdim=True) + floor).sqrt() if variance else feats
    valid, count = length_mask(lengths, feats.shape[1])[:, :, None], lengths[:, None, None]
    feats = (feats - (feats * valid).sum(1, keepdim=True) / count) * valid
    return feats / (feats.square().sum(1, keepdim=True) / count + floor).sqrt() if variance else feats


def check_normalize(kind: str) -> str:
    """Return a kind of :func:`normalised`; raise InputError where it is unknown."""
    if kind not in ("mean", "mean_var", "none"):
        raise InputError(f"--normalize {kind!r}: must be mean, mean_var or none")
    return kind


def normalised(feats: Tensor, lengths: Tensor | None, kind: str) -> Tensor:
    """(B, T, F), (B,) frames or None -> by ``mean`` or ``mean_var`` (see utterance_norm), or as it is (``none``)."""
    return feats if kind == "none" else utterance_norm(feats, lengths, variance=kind == "mean_var")
