"""Recognised text of a few speakers, scored."""

import random
from pathlib import Path

from toolkit.bin import score_text
from toolkit.data.text_units import EMPTY
from toolkit.io.datadir import write_table

UTTS = {f"s{s}-u{u}": f"s{s}" for s in range(6) for u in range(4)}
SETS = {"test": ("clean", "inf"), "test_babble_0": ("babble", "0"), "test_babble_5": ("babble", "5")}
WORDS = ["one", "two", "three", "four", "five", "six"]


def write_references(root, name: str, texts: dict[str, str], utt2spk: dict[str, str]) -> None:
    """The data dir ``root/name``."""
    write_table(Path(root, name, "utt2spk"), utt2spk)
    write_table(Path(root, name, "text"), texts)


def write_hypotheses(root, name: str, texts: dict[str, str]) -> None:
    """As the program of stage 7."""
    write_table(Path(root, name, "text"), {utt: text or EMPTY for utt, text in texts.items()})


def references_of(name: str) -> dict[str, str]:
    rng = random.Random(name)
    return {utt: " ".join(rng.choices(WORDS, k=rng.randint(1, 7))) for utt in UTTS}


def write_scores(expdir, errors: float, seed=0, variant="", sets=SETS):
    """``expdir/scores<variant>``: every word is wrong, missing or doubled with the probability ``errors``."""
    rng = random.Random(seed)
    for name, (noise, snr) in sets.items():
        references = references_of(name)
        write_references("raw", name, references, UTTS)
        Path("raw", name, "conditions.tsv").write_text(f"test_set\tnoise\tsnr\ntest\t{noise}\t{snr}\n")
        wrong = {word: [*WORDS, "", f"{word} {word}"] for word in WORDS}
        heard = {
            utt: " ".join(rng.choice(wrong[word]) if rng.random() < errors else word for word in text.split())
            for utt, text in references.items()
        }
        write_hypotheses(expdir / f"transcripts{variant}", name, heard)
    return score(expdir, sets, variant)


def score(expdir, sets=SETS, variant=""):
    """``expdir/scores<variant>`` of the transcripts that are there."""
    folders = ["--in_root", f"{expdir}/transcripts{variant}", "--ref_root", "raw"]
    score_text.main([*folders, "--out_root", f"{expdir}/scores{variant}", "--sets", *sets, "--resamples", "80"])
    return expdir
