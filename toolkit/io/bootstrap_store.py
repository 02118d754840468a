"""The bootstrap samples of a set, stored beside its metrics for paired comparisons and intervals of means.

Samples of two files can be paired if their identities agree: sample i then draws the same speakers in both.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, parse_json
from toolkit.io.trials import Trials

NAME = "draws.npz"
_IDENTITY = "identity"


def identity_of(trials: Trials, speakers: Sequence[str], seed: int, resamples: int) -> dict:
    """What determines the samples: speakers, seed and number of resamples, and a hash of the trials."""
    digest = hashlib.sha256("\n".join(trials.ids).encode())
    for array in (trials.enroll, trials.test, trials.is_target):
        digest.update(np.ascontiguousarray(array).tobytes())
    names = hashlib.sha256("\n".join(speakers).encode()).hexdigest()
    return {"trials": digest.hexdigest(), "speakers": names, "seed": seed, "resamples": resamples}


def write_samples(path, samples: Mapping[str, np.ndarray], identity: Mapping) -> None:
    """Write the samples, metric -> (R,) values, and their identity."""
    with replacing(path, "wb") as handle:
        arrays: dict = {name: values.astype(np.float32) for name, values in samples.items()}
        np.savez(handle, **arrays | {_IDENTITY: np.array(json.dumps(identity))})


def read_samples(path) -> tuple[dict[str, np.ndarray], dict]:
    """``(metric -> (R,) float64, identity)``.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with np.load(path) as arrays:
            identity = parse_json(str(arrays[_IDENTITY]), str(path))
            samples = {name: arrays[name].astype(np.float64) for name in arrays.files if name != _IDENTITY}
    except Exception as error:  # a damaged file makes numpy and zipfile raise any type
        raise InputError(f"{path}: holds no bootstrap samples ({type(error).__name__}); score this set again") from None
    fault = misfit(identity, {"trials": str, "speakers": str, "seed": int, "resamples": int})
    if fault or any(values.shape != (identity["resamples"],) for values in samples.values()):
        raise InputError(f"{path}: {fault or 'the number of samples differs from its identity'}; score this set again")
    return samples, identity
