"""An experiment as one HTML page: key facts, the tables of RESULTS.md, plots, and examples to listen to.

The page needs nothing but the files beside it, which it links relatively.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown import Markdown
from markupsafe import Markup

from toolkit.report.bootstrap_samples import average_interval
from toolkit.report.listening import read_listening
from toolkit.report.verification.trial_tables import by_condition, condition_of

LISTENING = "listening"  # folder of the examples, in the experiment's folder
# Markdown syntax that the tables do not use and that ids could match.
_UNUSED: tuple[str, ...] = ("reference", "link", "image_link", "image_reference", "short_reference", "short_image_ref")
_UNUSED += ("autolink", "automail", "html", "entity", "em_strong")


def html_page(
    title: str,
    kind: str,
    facts: Sequence[tuple[str, str, str]],
    text: str,
    plots: Sequence[tuple[str, Path]],
    listening: Path | None,
    folder: Path,
) -> str:
    """The page of an experiment of any task.

    Args:
        title: name of the experiment.
        kind: of experiment, in a few words.
        facts: name, value and interval (may be empty) of the headline results.
        text: a RESULTS.md without plots; its first heading is dropped.
        plots: caption and file.
        listening: folder that may hold a listening.json; None: no examples.
        folder: of the page.

    Raises:
        InputError: listening.json is malformed.
    """

    def link(path) -> str:
        return quote(os.path.relpath(path, folder).replace(os.sep, "/"))

    examples = (listening and read_listening(listening)) or {"note": "", "rows": []}
    columns = ("audio", "picture")
    rows = [
        row | {"columns": [c | {what: link(listening / c[what]) for what in columns} for c in row["columns"]]}
        for row in examples["rows"]
    ]
    environment = Environment(
        loader=PackageLoader("toolkit.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    intro, sections = _sections(text)
    return environment.get_template("page.html.j2").render(
        title=title,
        kind=kind,
        facts=facts,
        intro=intro,
        sections=sections,
        plots=[(caption, link(path)) for caption, path in plots],
        note=examples["note"],
        rows=rows,
    )


def report_page(results: dict, text: str, plots: Sequence[tuple[str, Path]], ood: Collection[str] = ()) -> str:
    """The report.html of a speaker-verification experiment.

    Args:
        results: collected (:func:`toolkit.report.verification.trial_results.collect`); the page goes into its folder.
        text, plots: see :func:`html_page`.
        ood: kinds of noise that are out of domain.
    """
    folder = Path(results["expdir"])
    facts = key_facts(results, ood)
    return html_page(results["experiment"], "speaker verification", facts, text, plots, folder / LISTENING, folder)


def key_facts(results: dict, ood: Collection[str] = ()) -> list[tuple[str, str, str]]:
    """Headline error rates and facts of training: name, value, interval."""
    facts = []
    for name, eer in _rates(results, ood):
        has_interval = eer["low"] is not None
        facts.append(
            (f"EER, {name}", f"{eer['value']:.2f} %", f"{eer['low']:.2f} to {eer['high']:.2f}" if has_interval else "")
        )
    return facts + origin_facts(results)


def origin_facts(results: Mapping) -> list[tuple[str, str, str]]:
    """Facts of training (size, duration, seed, commit, date): name, value and no interval."""
    train = results["train"]
    length = [f"{train['epochs']} epochs"] if "epochs" in train else []
    length += [f"{train['wall_seconds'] / 60:.1f} min"] if "wall_seconds" in train else []
    values = {
        "parameters": f"{train['parameters']:,}" if "parameters" in train else None,
        "MACs of 1 s (thop)": f"{train['macs_thop'] / 1e9:#.3g} G" if "macs_thop" in train else None,
        "training": ", ".join(length) or None,
        "seed": results["seed"],
        "commit": results["commit"],
        "date (UTC)": results["date"].replace("T", " ").removesuffix("Z"),
    }
    return [(name, str(value), "") for name, value in values.items() if value is not None]


def _rates(results: dict, ood: Collection[str]) -> Iterator[tuple[str, dict]]:
    """Label and EER: clean speech and means of each test set, then sets that mix conditions."""
    for label, row in by_condition(results).items():
        test_set = label.removeprefix(results["experiment"]).removeprefix(": ")
        prefix = f"{test_set}: " if test_set else ""
        for noise, snr in row:
            if snr is None:
                yield prefix + noise, row[noise, snr]["metrics"]["eer"]
        for of_ood in (False, True):
            sets = [set_result for (noise, _), set_result in row.items() if (noise in ood) == of_ood]
            if len(sets) > 1:
                low, high = average_interval(sets, "eer") or (None, None)
                value = sum(set_result["metrics"]["eer"]["value"] for set_result in sets) / len(sets)
                name = f"{prefix}mean of {len(sets)} conditions{', out of domain' if of_ood else ''}"
                yield name, {"value": value, "low": low, "high": high}
    for set_result in results["sets"]:
        if condition_of(set_result) is None:
            yield set_result["set"], set_result["metrics"]["eer"]


def _sections(text: str) -> tuple[Markup, list[tuple[str, str, Markup]]]:
    """RESULTS.md -> text before its first section, and anchor, heading and content of each section."""
    above, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    sections: list[tuple[str, str, Markup]] = []
    for part in parts:
        heading, _, content = part.partition("\n")
        sections.append((f"section-{len(sections) + 1}", heading, _html(content)))
    return _html(re.sub(r"^# .*\n", "", above)), sections


def _html(text: str) -> Markup:
    """Paragraphs, tables and code of Markdown as HTML; anything else stays text."""
    reader = Markdown(extensions=["tables"])
    reader.preprocessors.deregister("html_block")
    for pattern in _UNUSED:
        reader.inlinePatterns.deregister(pattern)
    html = reader.convert(text).replace("<table>", '<div class="wide" tabindex="0"><table>')
    return Markup(html.replace("</table>", "</table></div>"))
