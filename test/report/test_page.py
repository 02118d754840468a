"""The page: the numbers of RESULTS.md and no others, links that lead somewhere, nothing from elsewhere, all escaped."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.page_reader import Page
from helpers.trial_scores import write_metrics

from toolkit.bin.report import main
from toolkit.io.bootstrap_store import write_samples
from toolkit.io.errors import InputError
from toolkit.report.listening import Column, Row, write_listening
from toolkit.report.page import html_page, key_facts, report_page
from toolkit.report.verification.trial_results import collect


@pytest.fixture
def expdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("exp/a <b>&'x'\" #1")
    for name, noise, snr, eer in [("test", "clean", None, 2.0), ("test_babble_0", "babble", 0, 9.0)]:
        write_metrics(path, name, noise, snr, eer, level=0.8)
    write_metrics(path, "test_rain_0", "rain", 0, 7.0, level=0.8)
    (path / "train_info.json").write_text(
        json.dumps(
            {
                "seed": 3,
                "commit": "abc",
                "parameters": 12345,
                "macs_thop": 123456789,
                "epochs": 2,
                "wall_seconds": 90,
                "date": "2026-01-02T03:04:05Z",
            }
        )
    )
    return path


def examples(folder, *keys):
    rng, levels = np.random.default_rng(0), np.zeros((5, 3))
    columns = [Column(label, 0.1 * rng.standard_normal(400), levels) for label in ("mixture", "output", "target")]
    rows = [Row(key, {"SNR": "0 dB", "SI-SDR": "1.0 → 5.0 dB"}, {}, columns) for key in keys]
    write_listening(folder, rows, 8000, np.array([100.0, 500.0, 2000.0]), 0.01, "Heard & seen.")


def read(expdir):
    return Page((expdir / "report.html").read_text())


def test_the_tables_are_those_of_results_md(expdir):
    write_metrics(Path("exp/other"), "test", "clean", None, 4.0, level=0.8)
    main(["--expdir", str(expdir), "--compare", "exp/other", "--ood", "rain"])
    lines = (expdir / "RESULTS.md").read_text().splitlines()
    wanted = [line.strip("| ").split(" | ") for line in lines if line.startswith("|") and "---" not in line]
    assert [[cell.strip("`") for cell in row] for row in wanted] == read(expdir).rows
    assert len(wanted) > 10
    headings = [line[3:] for line in lines if line.startswith("## ")]
    assert [text for text in read(expdir).text if text in headings][: len(headings)] == headings  # the page's menu
    assert any("python -m toolkit.bin.report --expdir" in text for text in read(expdir).text)


def test_links_lead_to_files_and_anchors_of_the_experiment(expdir):
    examples(expdir / "listening", "u1", "u2")
    main(["--expdir", str(expdir), "--output", "elsewhere/RESULTS.md"])
    page = read(expdir)
    assert page.files().count("plots/det.png") == 2  # shown, and linked to be seen larger
    heard = [name for name in page.files() if name.startswith("listening/")]
    assert heard == [
        f"listening/0{n}_{label}.{suffix}"
        for n in (1, 2) for label in ("mixture", "output", "target") for suffix in ("png", "flac")
    ]  # fmt: skip
    assert all((expdir / name).is_file() for name in page.files())
    assert sorted(link[1:] for link in page.links if link.startswith("#")) == sorted(page.ids)


def test_links_to_odd_names(tmp_path):
    page = Page(html_page("t", "k", [], "", [("a", tmp_path / "x/50 %#1?.png")], Path("none"), tmp_path))
    assert [link for link in page.links if link.startswith("x")] == ["x/50%20%25%231%3F.png"] * 2


def test_the_page_needs_nothing_from_elsewhere(expdir):
    examples(expdir / "listening", "u1")
    main(["--expdir", str(expdir)])
    text = (expdir / "report.html").read_text()
    assert "//" not in text.replace("// one sound", "")  # no address of any scheme, nor one without
    assert not {"link", "iframe", "object"} & set(read(expdir).tags)
    assert "@import" not in text
    assert text.count('<audio controls preload="none"') == 3


def test_names_are_text_whatever_they_hold(expdir):
    odd = "<script>alert('1')</script> _a_ *b* [c](javascript:d) &lt; \"'"
    examples(expdir / "listening", odd)
    main(["--expdir", str(expdir)])
    page = read(expdir)
    assert odd in page.text
    assert expdir.name in page.text
    assert page.tags.count("script") == 1  # the page's own
    odd = odd.replace("&lt;", "& <")  # Markdown knows entities
    table = f"# t\n\n## s\n\n| a | b |\n| --- | ---: |\n| {odd} | 1 |\n\n<b>bold</b> {odd}\n\n<div>{odd}</div>\n"
    made = Page(html_page("t", "k", [], table, [], Path("none"), Path(".")))
    assert made.rows == [["a", "b"], [odd, "1"]]
    assert {f"<b>bold</b> {odd}", f"<div>{odd}</div>"} <= set(made.text)
    assert "javascript:d" not in made.links


def test_listening_rows(expdir):
    examples(expdir / "listening", "u1", "u2")
    main(["--expdir", str(expdir)])
    text = [one for one in read(expdir).text if one]
    start = text.index("u1")
    row = ["SNR", "0 dB", "SI-SDR", "1.0 → 5.0 dB", "mixture", "output", "target"]
    assert text[start - 2 : start] == ["Listening", "Heard & seen."]
    assert text[start : start + 16] == ["u1", *row, "u2", *row]


def test_without_examples_there_is_no_word_of_them(expdir):
    main(["--expdir", str(expdir)])
    assert "Listening" not in read(expdir).text
    assert "audio" not in read(expdir).tags


def test_a_malformed_list_of_examples_leaves_the_old_page(expdir):
    main(["--expdir", str(expdir)])
    before = (expdir / "report.html").read_text()
    (expdir / "listening").mkdir()
    (expdir / "listening/listening.json").write_text("[]")
    with pytest.raises(InputError, match=r"listening/listening.json: must hold a mapping"):
        main(["--expdir", str(expdir), "--ood", "rain"])
    assert (expdir / "report.html").read_text() == before
    assert [p.name for p in expdir.glob(".*tmp*")] == []


def test_key_facts(expdir):
    for name in ("test", "test_babble_0"):  # draws of the same speakers: all are the value
        draws = {"eer": np.full(11, 0.055)}
        identity = {"trials": "t", "speakers": "s", "seed": 0, "resamples": 11}
        write_samples(expdir / "scores" / name / "draws.npz", draws, identity)
    assert key_facts(collect(expdir), ["rain"]) == [
        ("EER, clean", "2.00 %", "1.00 to 3.00"),
        ("EER, mean of 2 conditions", "5.50 %", "5.50 to 5.50"),
        ("parameters", "12,345", ""),
        ("MACs of 1 s (thop)", "0.123 G", ""),
        ("training", "2 epochs, 1.5 min", ""),
        ("seed", "3", ""),
        ("commit", "abc", ""),
        ("date (UTC)", "2026-01-02 03:04:05", ""),
    ]


def test_key_facts_of_little(tmp_path):
    write_metrics(tmp_path / "e", "mine", "mixed", "mixed", 5.0, interval=False, level=0.8)
    facts = key_facts(collect(tmp_path / "e"))
    assert facts[0] == ("EER, mine", "5.00 %", "")
    assert [name for name, *_ in facts[1:]] == ["date (UTC)"]
    assert "5.00 %" in Page(report_page(collect(tmp_path / "e"), "", [])).text
