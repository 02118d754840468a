"""Write what pages take from published results: the table of peers in README.md, that of claims in egs/open/README.md.

Example: python ci/write_comparisons.py

The numbers are cells and verdicts of the recipes' RESULTS.md, which stage 9 writes. A missing row is an error.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from write_pages import with_table

ROOT = Path(__file__).resolve().parents[1]
README, CLAIMS_PAGE = ROOT / "README.md", ROOT / "egs/open/README.md"
_NUMBER = r"([-+]?[0-9.]+)"
_INTERVAL = re.compile(rf"{_NUMBER} \[{_NUMBER}, {_NUMBER}\]")


class Cell(NamedTuple):
    """A cell of a table: recipe below egs/ or another page of one, heading of the table, words of the row, column."""

    recipe: str
    heading: str
    row: tuple[str, ...]
    column: str


class Peer(NamedTuple):
    """A row: the files, the names of our system and of its peer, and the measures: name, cell of ours, of the peer."""

    files: str
    ours: str
    peer: str
    measures: tuple[tuple[str, Cell, Cell], ...]


class Paired(NamedTuple):
    """A paired difference; ``sign`` 1: above 0 is what the claim says, -1: below 0."""

    cell: Cell
    sign: int


class Apart(NamedTuple):
    """Two cells, measured apart; ``sign`` 1: the claim says that the first is higher, -1: lower."""

    first: Cell
    second: Cell
    sign: int


class Verdict(NamedTuple):
    """A sentence of a RESULTS.md on an experiment and its baseline: "It is better by ..."."""

    recipe: str
    experiment: str
    where: str


class Claim(NamedTuple):
    """A claim of a paper, what was measured, the evidence (one for each seed), and options of the recipe's run.sh."""

    claim: str
    measure: str
    evidence: tuple[Paired | Apart | Verdict, ...]
    command: str


_OURS = "ee_train_projection_ge2e"


def _summary(recipe: str, over: str, experiment: str, column: str) -> Cell:
    return Cell(recipe, "Summary", (over, experiment), column)


def _trials(system: str, column: str) -> Cell:
    return Cell("open/ee", "EER and minDCF by test set", (system,), column)


_MEASURES = {"SI-SDR improvement (dB)": "dB SI-SDR gained", "PESQ (wb)": "PESQ"}
PEERS = (
    *(
        Peer(
            f"enhancement, {files}",
            "GTCRN",
            "DeepFilterNet3",
            tuple(
                (
                    name,
                    *(
                        _summary("open/se", over, f"se_{system}", column)
                        for system in ("train_gtcrn", "deepfilternet3")
                    ),
                )
                for column, name in _MEASURES.items()
            ),
        )
        for over, files in (("mean of 6 sets", "unseen noise"), ("mean of 6 sets, out of domain", "one-shot sounds"))
    ),
    *(
        Peer(
            f"verification, {files}",
            "`ge2e_enhanced`",
            "GE2E of Resemblyzer",
            tuple(
                (f"% EER {where}", *(_trials(system, f"{test_set}, {where}: EER (%)") for system in (_OURS, "ge2e")))
                for where in ("clean", "in noise")
            ),
        )
        for test_set, files in (("test3", "speechocean762"), ("libri_test4", "LibriSpeech"))
    ),
)


def _seed(seed: int, where: str) -> Verdict:
    return Verdict("speechocean762/ee", f"ee_train_seed_ge2e{f'_seed{seed}' if seed else ''}", where)


def _paranoise(over: str) -> tuple[Paired, ...]:
    table, recipe = "Compared with sv_paranoise_none_seed0", "speechocean762/sv"
    return tuple(Paired(Cell(recipe, table, (f"sv_paranoise_enc_seed{n}", over), "EER (points)"), -1) for n in (0, 1))


def _tse(first: str, second: str) -> tuple[Apart, ...]:
    """The first extractor against the second, by two recipes with equal budgets."""
    places = (("speechocean762/tse", "mean of 2 sets", ""), ("open/tse/RESULTS_systems.md", "mean of 3 sets", "_seed0"))
    return tuple(
        Apart(*(_summary(recipe, over, f"tse_{one}{end}", "SI-SDR improvement (dB)") for one in (first, second)), 1)
        for recipe, over, end in places
    )


def _downstream(measure: str, sign: int) -> tuple[Paired, ...]:
    """SSL-MSE against the SNR loss with as many steps, by a downstream system, for each seed."""
    snr, own = (f"se_finetune_convtasnet_{by}_from_train_convtasnet_snr" for by in ("snr", "sslmse_own"))
    table = f"Downstream systems, compared with {snr}"
    rows = (("mean of 2 sets", f"{own}{seed}", measure) for seed in ("", "_seed_1"))
    return tuple(Paired(Cell("mini/se", table, row, "Difference"), sign) for row in rows)


_SEED_RUN, _PARANOISE_RUN = (
    "--ee_args '--seed 1' --ee_tag train_seed_ge2e_seed1",
    "--sv_config conf/train_paranoise_enc.yaml",
)
_NOISY = "mean of 12 noisy conditions"
CLAIMS = (
    Claim(
        "SEED lowers the EER in noise",
        "EER (%), LibriSpeech",
        tuple(_seed(n, f"libri_test, {_NOISY}") for n in (0, 1, 2)),
        _SEED_RUN,
    ),
    Claim(
        "SEED lowers the EER in noise",
        "EER (%), speechocean762",
        tuple(_seed(n, f"test, {_NOISY}") for n in (0, 1, 2)),
        _SEED_RUN,
    ),
    Claim(
        "SEED as its authors train it does so",
        "EER (%), LibriSpeech",
        (Verdict("speechocean762/ee", "ee_train_seed_ge2e_authors", f"libri_test, {_NOISY}"),),
        "--ee_config conf/train_seed_ge2e_authors.yaml",
    ),
    Claim("ParaNoise-SV: noise extraction lowers the EER in noise", "EER (points)", _paranoise("Avg."), _PARANOISE_RUN),
    Claim(
        "ParaNoise-SV: and in noise out of domain", "EER (points)", _paranoise("Avg., out of domain"), _PARANOISE_RUN
    ),
    Claim(
        "LGR-TSE: local and global features are better than global ones",
        "SI-SDR improvement (dB)",
        _tse("lgr", "lgr_global"),
        "--tse_config conf/train_lgr.yaml",
    ),
    Claim(
        "LGR-TSE: global features are better than local ones",
        "SI-SDR improvement (dB)",
        _tse("lgr_global", "lgr_local"),
        "--tse_config conf/train_lgr_global.yaml",
    ),
    Claim(
        "LGR-TSE: an embedding helps Speakerfilter",
        "SI-SDR improvement (dB)",
        _tse("speakerfilter_lgr", "speakerfilter"),
        "--tse_config conf/train_speakerfilter_lgr.yaml",
    ),
    *(
        Claim(
            f"SSL-MSE serves {system} better than the SNR loss",
            measure,
            _downstream(f"{measure}, {name}", sign),
            "--se_config conf/finetune_convtasnet_sslmse_own.yaml",
        )
        for system, measure, name, sign in (
            ("a recogniser", "WER (points)", "asr_train_conformer_bpe150_trainer_epochs_8", -1),
            ("a recogniser on SSL features", "WER (points)", "asr_probe_ssl_char", -1),
            ("an intent classifier", "Intent accuracy (points)", "ic_train_tdnn", 1),
            ("a verifier on SSL features", "EER (points)", "sv_probe_ssl_raw_trainer_epochs_6", -1),
        )
    ),
)


def file_of(recipe: str) -> str:
    """Path below egs/ of a recipe's RESULTS.md; that of another page is given as it is."""
    return recipe if recipe.endswith(".md") else f"{recipe}/RESULTS.md"


def page_of(recipe: str) -> str:
    """The text of a page of results."""
    return (ROOT / "egs" / file_of(recipe)).read_text(encoding="utf-8")


def text_of(cell: Cell) -> str:
    """The content of a cell. Exits where the row or the column is missing."""
    section = page_of(cell.recipe).partition(f"\n## {cell.heading}\n")[2].partition("\n## ")[0]
    rows = [
        [word.strip() for word in line.strip("|\n ").split(" | ")] for line in section.splitlines() if line[:1] == "|"
    ]
    if rows and cell.column in rows[0]:
        for row in rows[2:]:
            if set(row[:3]) >= set(cell.row):
                return row[rows[0].index(cell.column)]
    raise SystemExit(f"error: egs/{file_of(cell.recipe)}: no {' '.join(cell.row)}, {cell.column} in {cell.heading}")


def interval(text: str) -> tuple[float, float]:
    """The limits of ``value [low, high]``."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise SystemExit(f"error: {text!r}: expected value [low, high]")
    return float(match[2]), float(match[3])


def weighed(one: Paired | Apart | Verdict) -> tuple[str, int]:
    """What the evidence says, and 1, -1 or 0: for the claim, against it, neither."""
    if isinstance(one, Paired):
        text = text_of(one.cell)
        low, high = interval(text)
        return text, one.sign * ((low > 0) - (high < 0))
    if isinstance(one, Apart):
        first, second = text_of(one.first), text_of(one.second)
        (low, high), (other_low, other_high) = interval(first), interval(second)
        return f"{first} against {second}", one.sign * ((low > other_high) - (high < other_low))
    sentence = re.search(
        rf"^{re.escape(one.experiment)}:.*? {re.escape(one.where)}: (EER {_NUMBER} % against {_NUMBER} %).*?"
        rf"It is (better|worse) by {_NUMBER} points \[{_NUMBER}, {_NUMBER}\]",
        page_of(one.recipe),
        re.MULTILINE,
    )
    if sentence is None:
        raise SystemExit(f"error: egs/{one.recipe}/RESULTS.md: no verdict on {one.experiment}, {one.where}")
    _, mine, others, how, by, low, high = sentence.groups()
    certain = float(low) > 0 or float(high) < 0
    return f"{mine} against {others}: {how} by {by} points [{low}, {high}]", (1 if how == "better" else -1) * certain


def recipe_of(one: Paired | Apart | Verdict) -> str:
    """Where evidence comes from."""
    return one.recipe if isinstance(one, Verdict) else (one.cell if isinstance(one, Paired) else one.first).recipe


def peer_rows() -> Iterator[str]:
    """Lines of the table of peers."""
    yield "| the same files | ours | peer |"
    yield "|---|---|---|"
    for row in PEERS:
        ours, peer = (
            ", ".join(f"{text_of(measure[place])} {measure[0]}" for measure in row.measures) for place in (1, 2)
        )
        yield f"| {row.files} | {row.ours}: {ours} | {row.peer}: {peer} |"


def claim_rows() -> Iterator[str]:
    """Lines of the table of claims."""
    yield "| claim | measure | with against without | seen? | recipe, and an option of its `run.sh` |"
    yield "|---|---|---|---|---|"
    for row in CLAIMS:
        texts, signs = zip(*(weighed(one) for one in row.evidence), strict=True)
        verdict = {(1,): "yes", (-1,): "no, the reverse"}.get(tuple({*signs}), "not certain")
        files = list(dict.fromkeys(file_of(recipe_of(one)) for one in row.evidence))
        runs = f"{len(files)} recipes" if len(files) > 1 else f"{len(signs)} seeds" if len(signs) > 1 else "one seed"
        links = ", ".join(f"[{file.rpartition('/')[0]}](../{file})" for file in files)
        yield f"| {row.claim} | {row.measure} | {'; '.join(texts)} | {verdict} ({runs}) | {links} `{row.command}` |"


def pages() -> dict[Path, str]:
    """Each page with its table."""
    return {
        README: with_table(README.read_text(encoding="utf-8"), "peers", peer_rows()),
        CLAIMS_PAGE: with_table(CLAIMS_PAGE.read_text(encoding="utf-8"), "claims", claim_rows()),
    }


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
