import json
import subprocess
import sys

import pytest
from helpers.trial_scores import write_metrics

from toolkit.bin.report import main
from toolkit.io.errors import InputError
from toolkit.report.summaries import to_json
from toolkit.report.verification.trial_results import collect

CONDITIONS = [
    ("test", "clean", None, 2.0),
    ("test_babble_0", "babble", 0, 9.0),
    ("test_nonspeech_0", "nonspeech", 0, 7.0),
]


def make_experiment(path, shift=0.0):
    for name, noise, snr, eer in CONDITIONS:
        write_metrics(path, name, noise, snr, eer + shift)
    return path


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_experiment(tmp_path / "exp/ecapa")
    make_experiment(tmp_path / "exp/mean_fbank", 20.0)
    return tmp_path


def test_everything_is_written(experiments):
    (experiments / "exp/ecapa/metrics.jsonl").write_text('{"kind": "train", "epoch": 1, "step": 1, "loss": 2.0}\n')
    main(["--expdir", "exp/ecapa", "--ood", "nonspeech"])
    page = (experiments / "exp/ecapa/RESULTS.md").read_text()
    for name in ("det", "eer_by_snr", "training"):
        assert (experiments / f"exp/ecapa/plots/{name}.png").is_file()
        assert f"(plots/{name}.png)" in page
    assert "| ecapa | 2.00 | 9.00 | 5.50 |" in page
    assert "| ecapa | 7.00 | 7.00 |" in page
    assert "`python -m toolkit.bin.report --expdir exp/ecapa --ood nonspeech`" in page
    assert json.loads((experiments / "exp/ecapa/results.json").read_text()) == to_json(collect("exp/ecapa"))


def test_experiments_side_by_side(experiments):
    pages = ["--output", "page/A.md", "--recipe_results", "recipe/RESULTS.md"]
    main(["--expdir", "exp/ecapa", "--compare", "exp/mean_fbank", "exp/ecapa", *pages])
    for page in ("page/A.md", "recipe/RESULTS.md"):
        text = (experiments / page).read_text()
        assert text.count("| ecapa | 2.00 | 9.00 | 7.00 | 6.00 |") == 1
        assert text.count("| mean_fbank | 22.00 | 29.00 | 27.00 | 26.00 |") == 1
        assert "| ecapa | test | clean | - | 2.00 [1.00, 3.00] |" in text
    assert "(../exp/ecapa/plots/det.png)" in (experiments / "page/A.md").read_text()
    assert "![" not in (experiments / "recipe/RESULTS.md").read_text()
    assert not (experiments / "exp/mean_fbank/results.json").exists()


def test_experiments_of_one_name_are_told_apart(experiments):
    make_experiment(experiments / "old/ecapa", 1.0)
    main(["--expdir", "exp/ecapa", "--compare", "old/ecapa"])
    page = (experiments / "exp/ecapa/RESULTS.md").read_text()
    assert "| exp/ecapa | 2.00" in page
    assert "| old/ecapa | 3.00" in page


def test_an_experiment_without_scores(experiments):
    (experiments / "exp/empty").mkdir()
    with pytest.raises(InputError, match=r"exp/empty: no scores"):
        main(["--expdir", "exp/ecapa", "--compare", "exp/empty"])
    assert not (experiments / "exp/ecapa/RESULTS.md").exists()


def test_reporting_imports_neither_torch_nor_a_plotting_window():
    code = "import sys, toolkit.bin.report, toolkit.tasks.verification.trial_report; "
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
