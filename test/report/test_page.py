"""The page: the numbers of RESULTS.md and no others, one file that needs no other, all escaped."""

from pathlib import Path

import numpy as np
import pytest
from helpers.page_reader import Page
from helpers.trial_scores import write_metrics

from toolkit.bin.report import main
from toolkit.io.errors import InputError
from toolkit.report import blocks
from toolkit.report.html import to_html
from toolkit.report.listening import Column, Row, write_listening
from toolkit.report.markdown import to_markdown


@pytest.fixture
def expdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("exp/a <b>&'x'\" #1")
    for name, noise, snr, eer in [("test", "clean", None, 2.0), ("test_babble_0", "babble", 0, 9.0)]:
        write_metrics(path, name, noise, snr, eer, level=0.8)
    write_metrics(path, "test_rain_0", "rain", 0, 7.0, level=0.8)
    (path / "train_info.json").write_text('{"seed": 3, "steps": 10}')
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
    expected = [line.strip("| ").split(" | ") for line in lines if line.startswith("|") and "---" not in line]
    assert [[cell.strip("`") for cell in row] for row in expected] == read(expdir).rows
    assert len(expected) > 10
    headings = [line[3:] for line in lines if line.startswith("## ")]
    assert [text for text in read(expdir).text if text in headings][: len(headings)] == headings  # the page's menu
    assert any("python -m toolkit.bin.report --expdir" in text for text in read(expdir).text)


def test_verdict_summary_and_pictures_come_first_and_the_rest_is_folded(expdir):
    examples(expdir / "listening", "u1")
    main(["--expdir", str(expdir), "--ood", "rain"])
    lines = [line for line in (expdir / "RESULTS.md").read_text().splitlines() if line]
    assert lines[1].startswith(f"{expdir.name}: ")
    assert [line[:2] for line in lines[2:8]] == ["##", "Va", "| ", "| ", "| ", "##"]
    text = (expdir / "report.html").read_text()
    pictures, details = text.index("<img"), text.index("<details")
    assert text.index('class="verdict"') < text.index("<table") < pictures < text.index("<audio") < details
    assert text.rindex("<img") < details
    assert text.count("<table") == text[details:].count("<table") + 1


def test_the_page_is_one_file(expdir):
    examples(expdir / "listening", "u1", "u2")
    main(["--expdir", str(expdir), "--output", "elsewhere/RESULTS.md"])
    page, text = read(expdir), (expdir / "report.html").read_text()
    assert page.files() == []
    heard = [f"listening/0{n}_{label}" for n in (1, 2) for label in ("mixture", "output", "target")]
    assert page.inside("audio/flac") == [(expdir / f"{name}.flac").read_bytes() for name in heard]
    shown = [*(expdir / "plots").glob("*.png"), *(expdir / f"{name}.png" for name in heard)]
    assert sorted(page.inside("image/png")) == sorted(path.read_bytes() for path in shown)
    assert sorted(link[1:] for link in page.links if link.startswith("#")) == sorted(page.ids)
    assert not {"link", "iframe", "object"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert "://" not in text


def test_names_are_text_whatever_they_hold(expdir):
    odd = "<script>alert('1')</script> _a_ *b* [c](javascript:d) &lt; \"'"
    examples(expdir / "listening", odd)
    main(["--expdir", str(expdir)])
    page = read(expdir)
    assert odd.replace("&lt;", "&lt;") in page.text
    assert expdir.name in page.text
    assert page.tags.count("script") == 1  # the page's own
    table = blocks.Table(["a", "b"], [[odd, blocks.Code(odd)]])
    section = blocks.Section(odd, [table, f"<b>bold</b> {odd}", blocks.Code(odd)])
    made = Page(to_html(blocks.Page(odd, odd, odd, [section])))
    assert made.rows == [["a", "b"], [odd, odd]]
    assert f"<b>bold</b> {odd}" in made.text
    assert made.text.count(odd) >= 6
    assert made.tags.count("code") == 2
    assert "javascript:d" not in made.links


def test_markdown_of_every_block():
    plot = blocks.Plot("DET", Path("exp/a/plots/det.png"))
    example = blocks.Example("u", {}, [])
    table = blocks.Table(["a", "b", "c"], [["x|y", blocks.Code("z"), "1"]], text_columns=2)
    sections = [blocks.Section("One", [table, "Note.", plot]), blocks.Section("Heard", [example])]
    assert to_markdown(blocks.Page("T", "k", "Better.", sections), "exp/b") == (
        "# T\n\nBetter.\n\n## One\n\n| a | b | c |\n| --- | --- | ---: |\n| x\\|y | `z` | 1 |\n\nNote.\n\n"
        "![DET](../a/plots/det.png)\n"
    )


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
