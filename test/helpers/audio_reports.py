"""Two experiments in extraction, and the tables of their reports."""

import json
from pathlib import Path

from helpers.page_reader import Page
from helpers.signal_scores import UTTS, values, write_scores
from matplotlib.backends.backend_agg import FigureCanvasAgg


def write_experiments(root: Path, monkeypatch) -> Path:
    """exp/tse_one, with variants and audio, and exp/tse_two below ``root``, which becomes the current folder."""
    monkeypatch.chdir(root)
    # Drawing takes a second.
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda self, path: Path(path).write_bytes(b"PNG"))
    one = write_scores(Path("exp/tse_one"))
    write_scores(one, 7, "_enroll1s", keep=("si_sdr", "si_sdr_mix"), declared=("enroll_seconds", 1.0))
    write_scores(one, 8, "_enroll2.5s", keep=("si_sdr", "si_sdr_mix"), declared=("enroll_seconds", 2.5))
    write_scores(one, 0, "_absent", keep=("si_sdr_interferer",), change=add_energy)
    write_scores(Path("exp/tse_two"), 1)
    facts = {"seed": 3, "commit": "abc", "parameters": 12345, "epochs": 2, "wall_seconds": 90}
    (one / "train_info.json").write_text(json.dumps({**facts, "date": "2026-01-02T03:04:05Z"}))
    lines = [
        {"kind": kind, "epoch": e, "step": e, "loss": 1.0, "si_sdri": 2.0}
        for e in (1, 2)
        for kind in ("train", "valid")
    ]
    (one / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def add_energy(name, tables, undefined):
    tables["residual_energy"] = {utt: -10.5 - i for i, utt in enumerate(UTTS)}


WORDS = ["--task", "tse", "--expdir", "exp/tse_one", "--ood", "rain"]
BOTH = [*WORDS, "--compare", "exp/tse_two"]


def page_of(name="tse_one"):
    return Page(Path(f"exp/{name}/report.html").read_text())


def table(heading, name="tse_one"):
    """Rows of the table of a section, by their first columns of text."""
    text = Path(f"exp/{name}/RESULTS.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return text, [dict(enumerate(row)) | dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def side(name, seed):
    actual = values(name, seed)
    return actual["si_sdr"], actual["si_sdr_mix"]


def spoil(name, tables, undefined):
    if name == "test":
        for utt in ("s0-u0", "s1-u1"):
            tables["pesq_nb"][utt] = float("nan")
            undefined[utt] = "pesq_nb: no utterance detected"
        tables["si_sdr"]["s2-u0"] = float("inf")
