"""Tables of downstream systems: values by hand, bold by the paired test, pipelines, curves, archive, faults."""

import json
from pathlib import Path

import jiwer
import numpy as np
import pytest
from helpers import signal_scores, text_scores

from toolkit.bin import report, score_intents
from toolkit.data.text_units import EMPTY
from toolkit.io.bootstrap_store import NAME, write_samples
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.report.blocks import Strong
from toolkit.report.enhancement.audio_results import collect_audio
from toolkit.report.enhancement.downstream_tables import (
    Downstream,
    DownstreamSystem,
    collect_downstream,
    downstream_sections,
)
from toolkit.report.enhancement.loss_weights import Weighed, main_panels
from toolkit.report.summaries import Estimate
from toolkit.tasks.enhancement.audio_report import add_means

SETS = {"test": ("clean", "inf"), "test_rain": ("rain", "5")}
MEAN = "mean of 2 sets"
SYSTEMS = {
    "asr_a": {"kind": "asr", "ssl": "hubert_base", "noise_robust": False, "note": ""},
    "asr_b": {"kind": "asr", "ssl": "hubert_base", "noise_robust": True, "note": "trained in rain"},
    "ic_a": {"kind": "ic", "ssl": "hubert_base", "noise_robust": False, "note": ""},
    "sv_a": {"kind": "sv", "ssl": "", "noise_robust": False, "note": ""},
}
# Share of wrong words, of wrong intents, EER; se_b makes no difference.
ERRORS = {
    "exp/downstream/{}/noisy": 0.6,
    "exp/downstream/{}/clean": 0.02,
    "exp/se_a/downstream/{}/enhanced": 0.2,
    "exp/se_a/downstream/{}/enhanced_beta0.5": 0.1,
    "exp/se_b/downstream/{}/enhanced": 0.6,
}


def write_intents(folder: Path, errors: float) -> None:
    utts = {f"s{s}-u{u:02}": f"s{s}" for s in range(8) for u in range(10)}
    for name in SETS:
        write_table(f"orders/{name}/utt2spk", utts)
        write_table(f"orders/{name}/utt2intent", dict.fromkeys(utts, "what=on where=here"))
        wrong = {utt: i % 10 < 10 * errors for i, utt in enumerate(utts)}
        heard = {utt: f"what={'off' if wrong[utt] else 'on'} where=here" for utt in utts}
        write_table(folder / "labels" / name / "utt2intent", heard)
    roots = ["--in_root", f"{folder}/labels", "--ref_root", "orders", "--out_root", f"{folder}/scores"]
    score_intents.main([*roots, "--sets", *SETS, "--resamples", "80"])


def write_trials(folder: Path, eer: float) -> None:
    drawn = eer + np.linspace(-0.01, 0.01, 80)
    one = {"value": 100 * eer, "low": 100 * eer - 1, "high": 100 * eer + 1}
    bootstrap = {"resamples": 80, "level": 0.95, "unit": "speaker", "seed": 0, "method": "percentile"}
    for name, (noise, snr) in SETS.items():
        out = folder / "scores" / name
        out.mkdir(parents=True)
        condition = {"noise": noise, "snr": None if snr == "inf" else float(snr)}
        content = {"set": name, "condition": condition, "bootstrap": bootstrap, "det": {"fpr": [], "fnr": []}}
        content["metrics"] = dict.fromkeys(("eer", "min_dcf_0.01", "min_dcf_0.05"), one)
        counts = dict.fromkeys(("n_target", "n_nontarget", "n_speakers"), 9)
        (out / "metrics.json").write_text(json.dumps(content | counts))
        write_samples(out / NAME, {"eer": drawn}, {"speakers": "x", "trials": "y", "seed": 0, "resamples": 80})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """``exp/se_a`` with beta 0.5, whose loss has a self-supervised model, and ``exp/se_b``."""
    folder, monkeypatch = tmp_path_factory.mktemp("downstream"), pytest.MonkeyPatch()
    monkeypatch.chdir(folder)
    for expdir, variants in (("se_a", ("", "_beta0.5")), ("se_b", ("",))):
        for variant in variants:
            declared = ("observation", 0.5) if variant else None
            signal_scores.write_scores(Path("exp", expdir), variant=variant, declared=declared)
        ssl = {"class_path": "Pretrained", "init_args": {"name": "wavlm_large"}} if expdir == "se_a" else {}
        loss = {"class_path": "x.SSLMSE", "init_args": {"ssl": ssl} if ssl else {}}
        text = json.dumps({"task": "se", "loss": loss, "model": {"class_path": "ConvTasNet"}})
        Path("exp", expdir, "config.yaml").write_text(text)
    for name, facts in SYSTEMS.items():
        for place, errors in ERRORS.items():
            expdir = Path(place.format(name))
            if facts["kind"] == "asr":
                text_scores.write_scores(expdir, errors, sets=SETS, seed=1)
            else:
                {"ic": write_intents, "sv": write_trials}[facts["kind"]](expdir, errors)
        Path(f"exp/downstream/{name}/system.json").write_text(json.dumps(facts))
    yield folder
    monkeypatch.undo()


@pytest.fixture
def sections(root, monkeypatch):
    """Heading -> header and rows of the section's table."""
    monkeypatch.chdir(root)
    experiments = [collect_audio(f"exp/{name}") for name in ("se_a", "se_b")]
    for results in experiments:
        add_means(results, [])
    made = downstream_sections(collect_downstream(experiments))
    return {
        section.heading: [[*row] for row in (section.blocks[1].header, *section.blocks[1].rows)] for section in made
    }


def column(table, title: str, start: int = 1) -> dict[str, str]:
    """Cells of a column by that of another."""
    place = table[0].index(title)
    return {row[start]: row[place] for row in table[1:]}


def test_word_errors_are_the_mean_of_the_sets(sections, root):
    cells = column(sections["Downstream systems"], "WER (%), asr_a")
    labels = dict(zip(["unprocessed", "clean", "se_a", "se_a (beta 0.5)", "se_b"], ERRORS, strict=True))
    for label, place in labels.items():
        rates = []
        for name in SETS:
            references = read_table(root / f"raw/{name}/text")
            heard = read_table(root / place.format("asr_a") / "transcripts" / name / "text")
            texts = ["" if heard[utt] == EMPTY else heard[utt] for utt in references]
            rates.append(100 * jiwer.wer([*references.values()], texts))
        assert float(cells[label].split()[0]) == pytest.approx(np.mean(rates), abs=0.006)


def test_intents_and_trials_are_those_written(sections):
    table = sections["Downstream systems"]
    assert {row[0] for row in table[1:]} == {MEAN}
    accuracy, eer = column(table, "Intent accuracy (%), ic_a"), column(table, "EER (%), sv_a")
    for label, errors in (("unprocessed", 0.6), ("clean", 0.1), ("se_a", 0.2), ("se_a (beta 0.5)", 0.1)):
        assert accuracy[label].startswith(f"{100 - 100 * errors:.2f} [")
    for label, errors in (("unprocessed", 0.6), ("clean", 0.02), ("se_a", 0.2), ("se_b", 0.6)):
        assert eer[label].startswith(f"{100 * errors:.2f} [")


def test_bold_is_what_a_paired_test_finds_better(sections):
    table = sections["Downstream systems"]
    for title in table[0][-4:]:
        cells = column(table, title)
        bold = {label for label, cell in cells.items() if isinstance(cell, Strong)}
        assert bold == {"se_a", "se_a (beta 0.5)"}, title


def test_other_experiments_are_compared_with_the_first(sections):
    """Every difference is that of the cells of the first table."""
    _, *rows = sections["Downstream systems, compared with se_a"]
    assert {(row[0], row[1]) for row in rows} == {(MEAN, "se_b")}
    titles = sections["Downstream systems"][0][-len(SYSTEMS) :]
    assert [row[2].replace("points", "%") for row in rows] == titles
    for _, _, title, against, p in rows:
        cells = column(sections["Downstream systems"], title.replace("points", "%"))
        first, other = (float(cells[label].split()[0]) for label in ("se_a", "se_b"))
        assert float(against.split()[0]) == pytest.approx(other - first, abs=0.011)
        assert float(p) < 0.05


def test_the_mixture_and_the_loss_are_in_the_table(sections, root):
    table = sections["Downstream systems"]
    before = json.loads((root / "exp/se_a/scores/test/result.json").read_text())["metrics"]["si_sdr_mix"]["value"]
    rain = json.loads((root / "exp/se_a/scores/test_rain/result.json").read_text())["metrics"]["si_sdr_mix"]["value"]
    cells = column(table, "SI-SDR (dB)")
    assert float(cells["unprocessed"].split()[0]) == pytest.approx((before + rain) / 2, abs=0.006)
    assert cells["clean"] == "-"
    assert isinstance(cells["se_a"], Strong)  # signal_scores improves every utterance
    assert column(table, "SSL model of the loss") == {
        **dict.fromkeys(("clean", "unprocessed", "se_b"), "-"),
        **dict.fromkeys(("se_a", "se_a (beta 0.5)"), "wavlm_large"),
    }


def test_pipelines_by_their_models(sections):
    table = sections["SSL model of the loss by SSL model of the pipeline"]
    assert {(row[1], row[3]) for row in table[1:] if row[2] == "se_a"} == {("hubert_base", "wavlm_large")}
    for title, other in (("ASR WER (%)", "WER (%), asr_a"), ("IC Intent accuracy (%)", "Intent accuracy (%), ic_a")):
        cells = column(sections["Downstream systems"], other)
        assert column(table, title, 2) == {label: cell for label, cell in cells.items() if label != "clean"}
    assert {*column(table, "ASV EER (%)", 2).values()} == {"-"}  # the verifier reads no such model


def test_pipelines_trained_in_noise_are_beside_the_others(sections):
    table = sections["Noise-robust pipelines"]
    for word, system in (("no", "asr_a"), ("yes", "asr_b")):
        rows = [table[0], *(row for row in table[1:] if row[2] == word)]
        cells = column(sections["Downstream systems"], f"WER (%), {system}")
        assert column(rows, "ASR WER (%)", 3) == {label: cell for label, cell in cells.items() if label != "clean"}


def test_points_of_curves_have_the_share_of_the_mixture(root, monkeypatch):
    monkeypatch.chdir(root)
    results = collect_audio("exp/se_a")
    add_means(results, [])
    points = [
        (title, beta, estimate.value) for _, title, _, beta, estimate in collect_downstream([results]).points(results)
    ]
    of_trials = [(beta, value) for title, beta, value in points if title == "EER (%), sv_a"]
    assert of_trials == [(0.0, pytest.approx(20)), (0.5, pytest.approx(10))]


def test_the_report_and_its_archive_have_the_table(root, monkeypatch):
    monkeypatch.chdir(root)
    words = ["se", "--expdir", "exp/se_a", "--compare", "exp/se_b", "--recipe_results", "RESULTS.md"]
    assert run(report.main, [*words, "--archive", "results.json", "--listen_sets", "0"]) == 0
    page = Path("RESULTS.md").read_text()
    assert "asr_b: trained in rain." in page
    assert "| **20.00 [" in page
    assert "<strong>20.00 [" in Path("exp/se_a/report.html").read_text()
    assert run(report.main, ["--from", "results.json", "--recipe_results", "again.md"]) == 0
    assert Path("again.md").read_text() == page


@pytest.mark.parametrize("content", ["{}", "[", '{"kind": "tse", "ssl": "", "noise_robust": false, "note": ""}'])
def test_a_damaged_file_is_named(root, monkeypatch, content, capsys):
    monkeypatch.chdir(root)
    path = Path("exp/downstream/asr_a/system.json")
    before = path.read_text()
    path.write_text(content)
    try:
        assert run(report.main, ["se", "--expdir", "exp/se_a"]) == 1
    finally:
        path.write_text(before)
    assert str(path) in capsys.readouterr().err


def test_panels_are_those_of_figure_3():
    """SDR, DNSMOS OVRL, the first pipeline on a self-supervised model, Whisper; without the mixture."""
    facts = {"asr_x": "", "asr_ssl": "hubert_base", "asr_more": "wavlm_base", "whisper_medium": ""}
    systems = {name: DownstreamSystem(name, "asr", ssl, False, "") for name, ssl in facts.items()}
    metrics = ["DNSMOS OVRL", "SDR (dB)", "STOI", *(f"WER (%), {name}" for name in systems)]
    points = [
        Weighed("test", name, 2, "SSLMSE", 0.1, "se", beta, Estimate(1.0)) for name in metrics for beta in (0, 0.5)
    ]
    panels = main_panels(points, Downstream(systems, [], {}))
    assert [point.metric for point in panels] == [
        "SDR (dB)", "DNSMOS OVRL", "WER (%), asr_ssl", "WER (%), whisper_medium"
    ]  # fmt: skip
    assert {point.beta for point in panels} == {0}
    assert not main_panels(points, None)
