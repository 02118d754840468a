"""The report of enhancement and extraction: numbers of the scores and no others, what is missing is named."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.audio_reports import BOTH, WORDS, page_of, side, spoil, table, write_experiments
from helpers.page_reader import Page
from helpers.signal_scores import SETS, values, write_audio, write_scores

from toolkit.bin.report import main
from toolkit.io.command_line import run
from toolkit.io.errors import InputError

CELL = re.compile(r"[+-]?\d+\.\d+ \[(?:-|[+-]?\d+\.\d+, [+-]?\d+\.\d+)\]")


@pytest.fixture
def root(tmp_path, monkeypatch):
    return write_experiments(tmp_path, monkeypatch)


def cell(metric, digits=2, sign=""):
    low = "-" if metric["low"] is None else ", ".join(f"{metric[k]:{sign}.{digits}f}" for k in ("low", "high"))
    return f"{metric['value']:{sign}.{digits}f} [{low}]"


def test_numbers_are_those_of_the_scores_and_no_others(root):
    main(BOTH)
    known, results = set(), json.loads(Path("exp/tse_one/results.json").read_text())
    for path in Path("exp").glob("tse_*/scores*/*/result.json"):
        content = json.loads(path.read_text())
        groups = [group for one in content["breakdown"].values() for group in one["groups"].values()]
        for part in (content, *groups):
            known |= {cell(one) for one in part["metrics"].values()}
    for row in results["comparisons"][0]["differences"].values():
        known |= {cell(one, sign="+").replace("+-", "-").replace("-0.00", "+0.00") for one in row.values()}
    shown = [actual for row in page_of().rows for actual in CELL.findall(" ".join(row))]
    assert len(shown) > 60
    assert set(shown) <= known
    for name in SETS:
        metrics = json.loads(Path(f"exp/tse_two/scores/{name}/result.json").read_text())["metrics"]
        assert {cell(metrics[k]) for k in ("si_sdr", "si_sdr_mix", "si_sdri", "pesq_nb", "speaker_confusion")} <= set(
            shown
        )


def test_the_page_holds_the_tables_of_results_md(root):
    main(BOTH)
    lines = Path("exp/tse_one/RESULTS.md").read_text().splitlines()
    expected = [line.strip("| ").split(" | ") for line in lines if line.startswith("|") and "---" not in line]
    assert [[one.strip("`") for one in row] for row in expected] == page_of().rows


def test_the_mixture_stands_once_in_every_set(root):
    main([*BOTH, "--recipe_results", "exp/RESULTS.md"])
    _, rows = table("Every set")
    assert [(row["Over"], row["Experiment"]) for row in rows] == [
        (name, who) for name in SETS for who in ("unprocessed mixture", "tse_one", "tse_two")
    ]
    assert rows[0]["SI-SDR (dB)"].startswith(f"{values('test', 0)['si_sdr_mix'].mean():.2f} [")
    assert rows[2]["SI-SDR improvement (dB)"].startswith(f"{np.subtract(*side('test', 1)).mean():.2f} [")
    assert rows[0]["Utterances"] == "18"
    recipe = Path("exp/RESULTS.md").read_text()
    assert "| test | tse_two |" in recipe
    assert "![" not in recipe


def test_an_experiment_scored_on_fewer_sets_is_in_the_summary_too(root):
    grid = ["test_rain_0", "test_rain_10"]
    write_scores(Path("exp/se_one"), sets=grid, keep=("si_sdr", "si_sdr_mix"))
    write_scores(Path("exp/se_two"), sets=grid[:1], keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    actual = [(row["Over"], row["Experiment"]) for row in table("Summary", "se_one")[1]]
    mixture = "unprocessed mixture"
    assert actual[2:] == [("test_rain_0", mixture), ("test_rain_0", "se_two")]
    assert [who for _, who in actual[:2]] == [mixture, "se_one"]


def test_only_one_experiment(root):
    main(WORDS)
    assert "Compared with" not in Path("exp/tse_one/RESULTS.md").read_text()
    results = json.loads(Path("exp/tse_one/results.json").read_text())
    assert set(results["variants"]) == {"absent", "enroll1s", "enroll2.5s"}
    assert [results[key] for key in ("seed", "commit", "date")] == [3, "abc", "2026-01-02T03:04:05Z"]
    assert {"12,345", "1.5", "target speaker extraction"} <= set(page_of().text)


def test_links_lead_somewhere_and_players_are_there(root):
    write_audio(Path("dump/raw"), Path("exp/tse_one/extracted"))
    main([*BOTH, "--listen_sets", "1"])
    page = page_of()
    assert page.files() == []
    assert sorted(link[1:] for link in page.links if link.startswith("#")) == sorted(page.ids)
    listed = json.loads(Path("exp/tse_one/listening/listening.json").read_text())["rows"]
    files = [Path("exp/tse_one/listening", column["audio"]) for row in listed for column in row["columns"]]
    heard = page.inside("audio/flac")
    assert heard == [file.read_bytes() for file in files]
    assert [file.name for file in files[:4]] == [
        f"01_{label}.flac" for label in ("mixture", "enrolment", "output", "target")
    ]
    assert len(heard) == page.tags.count("audio") == 16  # best, median, worst, speaker confusion
    plots = [line for line in Path("exp/tse_one/RESULTS.md").read_text().splitlines() if line.startswith("![")]
    assert any("plots/improvement.png" in line for line in plots)
    assert any("plots/training.png" in line for line in plots)
    assert len(page.inside("image/png")) == len(plots) + len(heard)


def test_enhancement_has_no_enrolment(root, monkeypatch):
    one = write_scores(Path("exp/se_one"), keep=("si_sdr", "si_sdr_mix"))
    write_scores(one, 4, "_beta0.2", keep=("si_sdr", "si_sdr_mix"), declared=("observation", 0.2))
    write_audio(Path("dump/raw"), Path("exp/se_one/enhanced"))
    sweeps = []
    monkeypatch.setattr(
        "toolkit.tasks.enhancement.audio_report.plot_sweep", lambda *args: (sweeps.append(args), args[2].touch())
    )
    main(["--task", "se", "--expdir", "exp/se_one", "--listen_sets", "1"])
    ((curves, levels, *_),) = sweeps
    assert [[at for at, _ in points] for points in curves.values()] == [[0, 0.2]]
    assert levels == {}
    page = page_of("se_one")
    assert "speech enhancement" in page.text
    assert not {"enrolment", "Failures", "Enrolment length"} & set(page.text)
    assert [row["Beta"] for row in table("Observation adding", "se_one")[1]] == ["0", "0.2"] * 3
    assert not [text for text in page.text if "speaker confusion" in text]
    assert page.tags.count("audio") == 9


@pytest.mark.parametrize("missing", ["outputs", "mixtures"])
def test_without_audio_there_is_no_word_of_it(root, missing):
    write_audio(Path("dump/raw"), Path("exp/tse_one/extracted"))
    Path("dump" if missing == "mixtures" else "exp/tse_one/extracted").rename("gone")
    main(WORDS)
    assert "audio" not in page_of().tags
    assert "Listening" not in page_of().text


def test_names_are_text(root):
    odd = "exp/a <b>&'x' #1"
    write_scores(Path(odd), 0, change=spoil)
    main(["--task", "tse", "--expdir", odd])
    page = Page((Path(odd) / "report.html").read_text())
    assert "a <b>&'x' #1" in page.text
    assert page.tags.count("script") == 1
    assert "b" not in page.tags


def failed(capsys, *words):
    assert run(main, list(words)) == 1
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


def test_bad_input(root, capsys):
    Path("exp/empty").mkdir()
    assert "exp/empty: no scores/*/result.json; score the experiment (stage 8)" in failed(
        capsys, *WORDS, "--compare", "exp/empty"
    )
    assert not Path("exp/tse_one/RESULTS.md").exists()
    path = Path("exp/tse_two/scores/test/result.json")
    good = path.read_text()
    for text, message in (
        ("{", "is not valid JSON"),
        ("{}", "set is missing"),
        (good.replace('"si_sdri"', '"magic"'), "unknown metric magic"),
        (good.replace('"n": 18', '"m": 18'), "metrics.si_sdr.n is missing"),
    ):
        path.write_text(text)
        assert message in failed(capsys, *BOTH)
    path.write_text(good)
    table_path = path.with_name("utterances.tsv")
    lines = table_path.read_text().splitlines()
    table_path.write_text("\n".join(lines[:-1]))
    assert "has 17 utterances, result.json beside it 18; score the set again (stage 8)" in failed(capsys, *BOTH)
    table_path.unlink()
    assert "utterances.tsv: no such file" in failed(capsys, *BOTH)
    assert "--max_seconds 0" in failed(capsys, *WORDS, "--max_seconds", "0")


def test_an_output_that_is_lost(root):
    write_audio(Path("dump/raw"), Path("exp/tse_one/extracted"))
    path = Path("exp/tse_one/extracted/test/wav.scp")
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match=r"wav.scp: lacks s\d-u\d, which was scored; run stages 7 and 8 again"):
        main(WORDS)


def test_neither_torch_nor_a_plotting_window():
    code = "import sys, toolkit.bin.report, toolkit.tasks.enhancement.audio_report; "
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_results_of_version_0_1_are_reported(root):
    for path in Path("exp/tse_two/scores").glob("*/*"):
        text = path.read_text() if path.suffix in (".json", ".tsv") else ""
        if text:
            path.write_text(text.replace("_mix", "_in").replace("speaker_confusion", "wrong_speaker"))
    main(["--task", "tse", "--expdir", "exp/tse_one", "--compare", "exp/tse_two", "--listen_sets", "0"])
    _, rows = table("Every set")
    assert all(
        "-" not in row["SI-SDR improvement (dB)"].split(" ")[0] for row in rows if row["Experiment"] == "tse_two"
    )
