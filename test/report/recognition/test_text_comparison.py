"""Means over sets and paired differences against resampling in loops."""

import random
from pathlib import Path

import numpy as np
import pytest
from helpers.text_scores import SETS, UTTS, references_of, score, write_hypotheses, write_scores

from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import stretch
from toolkit.report.bootstrap_samples import difference, mean_over
from toolkit.report.comparison import compare_utterances
from toolkit.report.markdown import section_markdown
from toolkit.report.recognition.text_results import collect_text
from toolkit.report.recognition.text_tables import aligned_errors
from toolkit.report.recognition.utterance_errors import read_errors
from toolkit.report.utterance_table import TABLE


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Few errors, and more."""
    monkeypatch.chdir(tmp_path)
    return [collect_text(write_scores(Path(name), errors))[0] for name, errors in (("few", 0.2), ("more", 0.35))]


def rates_by_hand(sets, draw) -> float:
    """The mean over sets of the WER in % of a draw of speakers."""
    rates = []
    for one in sets:
        lines = [line.split("\t") for line in Path(one.folder, TABLE).read_text().splitlines()]
        errors, words = (lines[0].index(name) for name in ("wer_errors", "wer_words"))
        weighed = [[draw[int(line[1][1:])] * int(line[k]) for line in lines[1:]] for k in (errors, words)]
        rates.append(100 * sum(weighed[0]) / sum(weighed[1]))
    return float(np.mean(rates))


def samples_by_hand(sets) -> list[float]:
    return [rates_by_hand(sets, draw) for draw in np.random.default_rng(0).multinomial(6, [1 / 6] * 6, size=80)]


def test_a_mean_counts_each_set_the_same(pair):
    sets = pair[0].sets
    mean, samples = mean_over(sets, "mean").metrics["wer"], samples_by_hand(sets)
    value = rates_by_hand(sets, [1] * 6)
    assert value == pytest.approx(np.mean([one.metrics["wer"].value for one in sets]), abs=1e-5)
    ends = [value + stretch(6, 0.95) * (x - value) for x in np.quantile(samples, (0.025, 0.975))]
    assert [mean.value, mean.low, mean.high] == pytest.approx([value, *ends], abs=1e-5)
    assert mean.counts["length"] == sum(len(text.split()) for name in SETS for text in references_of(name).values())


@pytest.mark.parametrize("number", [1, 3])
def test_differences_are_paired(pair, number):
    """Value, interval and p as toolkit.metrics.statistics.paired defines them."""
    ours, theirs = (results.sets[:number] for results in pair)
    value = rates_by_hand(theirs, [1] * 6) - rates_by_hand(ours, [1] * 6)
    drawn = np.subtract(samples_by_hand(theirs), samples_by_hand(ours))
    distance = np.sort(np.abs(drawn - value) * stretch(6, 0.95))
    reach, p = distance[80 - 4], (1 + np.sum(distance >= abs(value))) / 81  # 5 % of 81 lie outside: 4
    assert difference(ours, theirs)["wer"] == pytest.approx((value, value - reach, value + reach, p))
    assert difference(theirs, ours)["wer"].value == pytest.approx(-value)
    assert difference(ours, ours)["wer"][::3] == (0, 1)


def test_other_references_are_not_compared(pair):
    few, more = pair
    others = dict.fromkeys(UTTS, "six")
    for root in ("raw", "more/transcripts"):
        write_hypotheses(root, "test", others)
    score("more", ["test"])
    more.sets = collect_text("more")[0].sets[:2]
    compared = compare_utterances(few, more, ["babble"])
    assert list(compared.differences) == ["test_babble_0"]
    assert len(compared.notes) == 2
    assert "test_babble_5" in compared.notes[0]
    assert compared.notes[1].startswith("test:")


def test_tables_are_read_as_they_were_written(pair):
    """Ids and texts of any kind among them; or refused."""
    path = Path("few/scores/test", TABLE)
    errors = read_errors(path)
    assert errors.references == list(references_of("test").values())
    assert errors.counts["wer"].length.tolist() == [len(text.split()) for text in errors.references]
    lines = path.read_text().splitlines(keepends=True)
    rng = random.Random(0)
    for _ in range(30):
        row = rng.randrange(len(lines))
        cells = lines[row].rstrip("\n").split("\t")
        cells[rng.randrange(2, len(cells) - 2)] = rng.choice(["x", "", "1\t2", "1.5", "9" * 30])
        path.write_text("".join([*lines[:row], "\t".join(cells) + "\n", *lines[row + 1 :]]))
        with pytest.raises(InputError, match=TABLE):
            read_errors(path)
    for content in ("", lines[0] + lines[1] + lines[1]):
        path.write_text(content)
        with pytest.raises(InputError, match=TABLE):
            read_errors(path)


def test_the_page_aligns_the_worst_utterances_of_both(pair):
    section = aligned_errors(pair[0], pair[1:])
    blocks = section.blocks[1:]
    ranked = sorted(int(e) for one in pair[0].sets for e in read_errors(Path(one.folder, TABLE)).counts["wer"].errors)
    wrong = [sum(kind != "equal" for kind, *_ in next(iter(block.hypotheses.values()))) for block in blocks]
    assert wrong == ranked[::-1][:10]
    assert all(len(block.hypotheses) == 2 for block in blocks)
    for block in blocks:
        texts = [" ".join(word for _, word, _ in pairs if word) for pairs in block.hypotheses.values()]
        assert texts == [references_of(block.facts["set"])[block.id]] * 2
    assert section_markdown(section) == ""
