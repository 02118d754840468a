"""The report of recognition: numbers of the scores and no others, from scored folders to the pages."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.page_reader import Page
from helpers.text_scores import SETS, references_of, score, write_hypotheses, write_scores

from toolkit.bin.report import main
from toolkit.io.command_line import run
from toolkit.report.bootstrap_samples import difference, means_over
from toolkit.report.recognition.text_results import collect_text
from toolkit.report.verdict import verdicts

WORDS = ["--task", "asr", "--expdir", "exp/asr_one", "--compare", "exp/asr_two", "--ood", "rain"]
CELL = re.compile(r"\d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]")
RAIN = {"test_rain_0": ("rain", "0")}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """exp/asr_one, trained, with a variant; exp/asr_two, with more errors."""
    monkeypatch.chdir(tmp_path)
    one = write_scores(Path("exp/asr_one"), 0.1, sets=SETS | RAIN)
    write_scores(one, 0.2, 1, "_greedy")
    write_scores(Path("exp/asr_two"), 0.5, 2)
    facts = {"seed": 3, "commit": "abc", "steps": 7000, "parameters": 12345, "epochs": 2, "wall_seconds": 90.0}
    Path(one, "train_info.json").write_text(json.dumps({**facts, "date": "2026-01-02T03:04:05Z"}))
    return tmp_path


def rows_of(heading):
    """Rows of the table of a section, by the heads of their columns."""
    text = Path("exp/asr_one/RESULTS.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def metrics_of(expdir, name, scores="scores"):
    return json.loads(Path("exp", expdir, scores, name, "result.json").read_text())["metrics"]


def cell(rate):
    return f"{rate['value']:.2f} [{rate['low']:.2f}, {rate['high']:.2f}]"


def test_every_set_of_every_experiment_has_its_rates(root):
    main(WORDS)
    rows = {(row["Over"], row["Experiment"]): row for row in rows_of("Summary")}
    actual = 0
    for (name, who), row in rows.items():
        expdir, _, backend = who.partition(" (")
        if name in SETS | RAIN:
            wer, cer = metrics_of(expdir, name, "scores_greedy" if backend else "scores").values()
            assert (row["WER (%)"], row["CER (%)"]) == (cell(wer), cell(cer))
            counts = [int(row[key]) for key in ("Substitutions", "Deletions", "Insertions", "Words")]
            assert counts == list(wer["counts"].values())
            actual += 1
    assert actual == 4 + 3 + 3
    assert {name for name, _ in rows} - (SETS | RAIN).keys() == {"mean of 3 sets"}


def test_conditions_are_columns(root):
    main(WORDS)
    one = rows_of("WER (%) by noise and SNR")[0]
    assert list(one) == ["Experiment", "Clean", "Babble, 0 dB", "Babble, 5 dB", "Avg."]
    assert one["Babble, 5 dB"] == cell(metrics_of("asr_one", "test_babble_5")["wer"])
    mean = next(row for row in rows_of("Summary") if row["Over"].startswith("mean"))
    assert one["Avg."] == mean["WER (%)"]
    (rain,) = rows_of("WER (%) under out-of-domain noise")
    assert rain["Rain, 0 dB"] == cell(metrics_of("asr_one", "test_rain_0")["wer"])


def test_the_verdict_compares_with_another_network(root):
    main(WORDS)
    (own, _, two) = [results for name in ("asr_one", "asr_two") for results in collect_text(f"exp/{name}")]
    sets = [[one for one in results.sets if one.name in SETS] for results in (own, two)]
    content = json.loads(Path("exp/asr_one/results.json").read_text())
    value = sum(one.metrics["wer"].value for one in sets[0]) / 3
    assert content["means"][0]["metrics"]["wer"]["value"] == pytest.approx(value, abs=1e-5)
    theirs = sum(one.metrics["wer"].value for one in sets[1]) / 3
    (claim,) = verdicts([replace(own, means=means_over(own.sets, ["rain"])), two])[0].claims
    assert (claim.reference, claim.metric) == ("asr_two", "wer")
    assert (claim.value, claim.reference_value) == pytest.approx((value, theirs))
    assert claim.gain > 0
    assert claim.is_certain
    assert str(claim) in Path("exp/asr_one/RESULTS.md").read_text().splitlines()[2]
    compared = {one["experiment"]: one["differences"] for one in content["comparisons"]}
    gap = difference(*sets)["wer"]
    assert compared["asr_two"]["mean of 3 sets"]["wer"]["value"] == pytest.approx(gap.value, abs=1e-5)
    assert gap.p < 0.05
    row = next(r for r in rows_of("Compared with asr_one") if r["Experiment"] == "asr_two" and r["Over"] == "test")
    assert row["WER (points)"].startswith(f"{compared['asr_two']['test']['wer']['value']:+.2f} [")


def test_the_worst_utterances_are_shown_as_they_are(root):
    texts = references_of("test")
    heard = "a | b *c* <b>d</b> `e` " + "noise " * 20
    write_hypotheses("exp/asr_one/transcripts", "test", {**texts, "s3-u2": heard})
    score(Path("exp/asr_one"), ["test"])
    main(WORDS)
    page = Page(Path("exp/asr_one/report.html").read_text())
    start = next(i for i, row in enumerate(page.rows) if row[0] == "Utterance")
    utt, name, reference, hypothesis, errors, length = page.rows[start + 1]
    assert (utt, name, reference, hypothesis) == ("s3-u2", "test", texts["s3-u2"], heard.strip())
    assert int(errors) == 26
    assert int(length) == len(texts["s3-u2"].split())
    assert [int(row[4]) for row in page.rows[start + 1 : start + 11]] == sorted(
        (int(row[4]) for row in page.rows[start + 1 : start + 11]), reverse=True
    )


def test_numbers_of_the_pages_are_one(root):
    """The page and RESULTS.md; the page of the recipe now, and made anew of what was kept."""
    main([*WORDS, "--recipe_results", "RESULTS.md", "--archive", "kept.json"])
    shown = [CELL.findall(Path(path).read_text()) for path in ("exp/asr_one/RESULTS.md", "exp/asr_one/report.html")]
    assert len(shown[0]) > 30
    assert shown[0] == shown[1]
    main(["--from", "kept.json", "--recipe_results", "again.md"])
    assert Path("again.md").read_text() == Path("RESULTS.md").read_text()


def test_a_folder_of_scores_tells_its_task(root):
    main(["--expdir", "exp/asr_two"])
    assert "WER (%)" in Path("exp/asr_two/RESULTS.md").read_text()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("scores/test/result.json", "{"),
        ("scores/test/result.json", '{"metrics": {"wer": 3}}'),
        ("scores/test/utterances.tsv", "utterance\n"),
    ],
)
def test_damaged_scores_are_named(root, path, content, capsys):
    Path("exp/asr_one", path).write_text(content)
    assert run(main, WORDS) == 1
    assert f"exp/asr_one/{path}" in capsys.readouterr().err
    assert not Path("exp/asr_one/RESULTS.md").exists()


def test_no_scores(root, capsys):
    Path("exp/none").mkdir()
    assert run(main, ["asr", "--expdir", "exp/none"]) == 1
    assert "exp/none" in capsys.readouterr().err
