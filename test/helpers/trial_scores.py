"""Scores of verification, as stage 8 leaves them."""

import json
from pathlib import Path


def write_metrics(expdir, name: str, noise: str, snr, eer: float, interval: bool = True, level: float = 0.95) -> Path:
    """The folder ``expdir/scores/<name>`` with a ``metrics.json``: ``eer`` is every metric, +- 1 its interval."""
    value = {"value": eer, "low": eer - 1 if interval else None, "high": eer + 1 if interval else None}
    content = {
        "set": name,
        "condition": {"noise": noise, "snr": snr},
        "n_target": 100,
        "n_nontarget": 1000,
        "n_speakers": 30,
        "metrics": dict.fromkeys(("eer", "min_dcf_0.01", "min_dcf_0.05"), value),
        "det": {"fpr": [1, 0.2, 0.05, 0], "fnr": [0, 0.05, 0.2, 1]},
        "bootstrap": {"resamples": 10, "level": level, "unit": "speaker", "seed": 0, "method": "m"},
    }
    folder = Path(expdir) / "scores" / name
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(content))
    return folder
