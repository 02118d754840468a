"""Pages: their links lead somewhere, and what they take from measurements is what is measured."""

import re
import subprocess
import sys
from functools import cache
from math import inf, isfinite
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "ci"))
import write_comparisons  # noqa: E402
import write_pages  # noqa: E402

PAGES = [
    path
    for path in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.split()
    if not path.startswith("test/fixtures")
]
# Of whom the table is measured in every run; of all others where slow tests run.
QUICK = ("libri2mix/tse/conf/train_sefpnet.yaml", "voxceleb1/ee/conf/train_seed_ecapa.yaml", "TEMPLATE/conf/ge2e.yaml")


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(path: Path) -> set[str]:
    """What may follow the # of a link to a page, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\[[^]]*\]\(([^)\s]+)\)", prose(ROOT / page))
    for link in (one for one in links if "://" not in one):
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists() or page.endswith("RESULTS.md"), link  # plots beside a table of results are not committed
        assert not anchor or anchor in anchors(path), link


def test_every_page_of_the_readme_fits_a_screen():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


@pytest.mark.parametrize("config", QUICK)
def test_sizes_of_systems_are_as_measured(config):
    assert f"{write_pages.link_of(config)} | {write_pages.numbers(config)} |" in write_pages.PAGE.read_text()


@pytest.mark.slow
def test_tables_of_systems_are_as_measured():
    text = write_pages.PAGE.read_text()
    written = write_pages.with_table(text, "published", write_pages.published_rows())
    assert write_pages.with_table(written, "small", write_pages.small_rows()) == text


def test_the_picture_shows_what_the_verdicts_compare():
    """The page of results has these means over the noisy conditions, and the EER of clean speech."""
    page = write_pages.RESULTS.with_name("RESULTS.md").read_text()
    for lines in write_pages.curves().values():
        for eers in lines.values():
            noisy = sum(eer for snr, eer in eers.items() if isfinite(snr)) / 3
            assert f"EER {noisy:.2f} %" in page or f"against {noisy:.2f} %" in page
            assert f"{eers[inf]:.2f}" in page


def test_the_picture_is_drawn_from_the_results(tmp_path):
    write_pages.draw(tmp_path / "again.svg")
    ours, theirs = (path.read_text() for path in (tmp_path / "again.svg", write_pages.PICTURE))
    version = re.search(r"Matplotlib v[\d.]+", ours)
    assert version is not None
    if version[0] not in theirs:
        pytest.skip(f"the picture was drawn by another version than {version[0]}")
    assert ours == theirs


def test_tables_of_comparisons_are_those_of_the_published_results():
    for page, text in write_comparisons.pages().items():
        assert page.read_text() == text, f"{page}: run python ci/write_comparisons.py"


@pytest.mark.parametrize(
    ("cells", "sign", "expected"),
    [
        (["+1.0 [+0.5, +1.5]"], 1, 1),
        (["+1.0 [+0.5, +1.5]"], -1, -1),
        (["-1.0 [-1.5, +0.1]"], -1, 0),
        (["2.0 [1.5, 2.5]", "1.0 [0.5, 1.4]"], 1, 1),
        (["2.0 [1.5, 2.5]", "1.0 [0.5, 1.6]"], 1, 0),
        (["1.0 [0.5, 1.4]", "2.0 [1.5, 2.5]"], 1, -1),
    ],
)
def test_a_claim_is_seen_only_beyond_its_intervals(monkeypatch, cells, sign, expected):
    monkeypatch.setattr(write_comparisons, "text_of", lambda cell: cell)
    kind = write_comparisons.Paired if len(cells) == 1 else write_comparisons.Apart
    assert write_comparisons.weighed(kind(*cells, sign))[1] == expected
