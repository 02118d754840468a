"""The report of enhancement and extraction: numbers of the scores and no others, what is missing is named."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.page_reader import Page
from helpers.signal_scores import SETS, UTTS, values, write_audio, write_scores
from matplotlib.backends.backend_agg import FigureCanvasAgg

from toolkit.bin.report import main
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import stretch
from toolkit.metrics.statistics.paired import paired_difference
from toolkit.metrics.statistics.speaker_means import resample_means

CELL = re.compile(r"[+-]?\d+\.\d+ \[(?:-|[+-]?\d+\.\d+, [+-]?\d+\.\d+)\]")
DIGITS = {"pesq_nb": 2, "pesq_nb_mix": 2, "pesq_nbi": 2}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """exp/tse_one, with variants and audio; exp/tse_two."""
    monkeypatch.chdir(tmp_path)
    # Drawing takes a second.
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda self, path: Path(path).write_bytes(b"PNG"))
    one = write_scores(Path("exp/tse_one"))
    write_scores(one, 7, "_enroll1s", keep=("si_sdr", "si_sdr_mix"), declared=("enroll_seconds", 1.0))
    write_scores(one, 8, "_enroll2.5s", keep=("si_sdr", "si_sdr_mix"), declared=("enroll_seconds", 2.5))
    write_scores(one, 0, "_absent", keep=("si_sdr_interferer",), change=add_energy)
    write_scores(Path("exp/tse_two"), 1)
    facts = {"seed": 3, "commit": "abc", "parameters": 12345, "epochs": 2, "wall_seconds": 90}
    (one / "train_info.json").write_text(json.dumps({**facts, "date": "2026-01-02T03:04:05Z"}))
    lines = [
        {"kind": kind, "epoch": e, "step": e, "loss": 1.0, "si_sdri": 2.0}
        for e in (1, 2)
        for kind in ("train", "valid")
    ]
    (one / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def add_energy(name, tables, undefined):
    tables["residual_energy"] = {utt: -10.5 - i for i, utt in enumerate(UTTS)}


WORDS = ["--task", "tse", "--expdir", "exp/tse_one", "--ood", "rain"]
BOTH = [*WORDS, "--compare", "exp/tse_two"]


def page_of(name="tse_one"):
    return Page(Path(f"exp/{name}/report.html").read_text())


def table(heading, name="tse_one"):
    """Rows of the table of a section, by their first columns of text."""
    text = Path(f"exp/{name}/RESULTS.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return text, [dict(enumerate(row)) | dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


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


def test_real_recordings_have_a_table_of_their_own(root):
    """Of each metric the means before and after, and their paired difference; other tables are as they were."""
    main(BOTH)
    summary = table("Every set")
    for name, seed in (("tse_one", 0), ("tse_two", 1)):
        write_scores(Path("exp", name), seed, "_real", sets=("call",), keep={"pesq_nb", "pesq_nb_mix"})
    main(BOTH)
    assert table("Every set") == summary
    _, rows = table("Real recordings")
    assert [(row["Over"], row["Experiment"], row["Metric"]) for row in rows] == [
        ("call", name, "PESQ (nb)") for name in ("tse_one", "tse_two")
    ]
    for row, seed in zip(rows, (0, 1), strict=True):
        actual = values("call", seed)
        gain = actual["pesq_nb"] - actual["pesq_nb_mix"]
        for column, expected in (
            ("Unprocessed", actual["pesq_nb_mix"]),
            ("Output", actual["pesq_nb"]),
            ("Change", gain),
        ):
            assert row[column].startswith(f"{expected.mean():.2f} [")
        assert (row["Utterances"], row["Speakers"]) == ("18", "6")


def side(name, seed):
    actual = values(name, seed)
    return actual["si_sdr"], actual["si_sdr_mix"]


def test_means_over_sets(root):
    main([*WORDS[:4], "--compare", "exp/tse_two"])  # both sets are in the domain
    gains = np.array([np.subtract(*side(name, 0)) for name in SETS])
    _, rows = table("Summary")
    assert [row["Experiment"] for row in rows] == ["unprocessed mixture", "tse_one", "tse_two"]
    speaker = np.unique(list(UTTS.values()), return_inverse=True)[1]
    draws = np.mean([resample_means({"x": gain}, speaker, 60).samples["x"] for gain in gains], axis=0)
    low, high = gains.mean() + stretch(len(set(UTTS.values())), 0.95) * (
        np.quantile(draws, [0.025, 0.975]) - gains.mean()
    )
    assert rows[1]["SI-SDR improvement (dB)"] == f"{gains.mean():.2f} [{low:.2f}, {high:.2f}]"
    assert f"{gains.mean():.2f} [{low:.2f}, {high:.2f}]" in page_of().text
    assert table("Improvement")[1][0]["Over"] == "mean of 2 sets"


def test_out_of_domain_sets_are_apart(root):
    main(WORDS)
    assert [row["Over"] for row in table("Summary")[1]] == ["test", "test", "test_rain", "test_rain"]


def test_comparison_is_paired_and_p_is_that_of_the_draws(root):
    main(BOTH)
    text, rows = table("Compared with tse_one")
    assert [row["Over"] for row in rows] == list(SETS)
    speaker = np.unique(list(UTTS.values()), return_inverse=True)[1]
    pair = [resample_means({"x": values("test", seed)["si_sdr"].round(4)}, speaker, 60) for seed in (0, 1)]
    actual = paired_difference(*(one.values["x"] for one in pair), *(one.samples["x"] for one in pair), speakers=6)
    assert rows[0]["SI-SDR (dB)"] == f"{actual.value:+.2f} [{actual.low:+.2f}, {actual.high:+.2f}]"
    assert rows[0][3] == f"{actual.p:.2g}"
    assert "(speaker confusion: below 0)" in text


def test_comparison_of_other_sets_says_so(root):
    write_scores(Path("exp/tse_three"), 2, sets=("test", "elsewhere"))
    write_scores(Path("exp/tse_four"), 2, sets=("elsewhere",))
    write_scores(Path("exp/tse_five"), 2, change=drop_one)
    main([*WORDS, "--compare", "exp/tse_three", "exp/tse_four", "exp/tse_five"])
    text, rows = table("Compared with tse_one")
    assert [(row["Over"], row["Experiment"]) for row in rows] == [("test", "tse_three")]
    assert "Compared in part, tse_three: not in both: test_rain, elsewhere." in text
    assert "Not compared, tse_four: not in both: test, test_rain, elsewhere." in text
    assert "Not compared, tse_five: test: other utterances, speakers or metrics; test_rain: other" in text


def drop_one(name, tables, undefined):
    for rows in (*tables.values(), undefined):
        del rows["s0-u0"]


def spoil(name, tables, undefined):
    if name == "test":
        for utt in ("s0-u0", "s1-u1"):
            tables["pesq_nb"][utt] = float("nan")
            undefined[utt] = "pesq_nb: no utterance detected"
        tables["si_sdr"]["s2-u0"] = float("inf")


def test_what_has_no_value_is_said_under_the_table(root):
    write_scores(Path("exp/tse_odd"), 0, change=spoil)
    main([*WORDS, "--compare", "exp/tse_odd"])
    text, _ = table("Every set")
    expected = (
        "test, tse_odd: 1 of 18 utterances have an infinite SI-SDR, left out of the mean: inf (1); "
        "2 of 18 utterances have no PESQ (nb): no utterance detected (2)."
    )
    assert expected in text.splitlines()
    assert text.count(" of 18 utterances have") == 2
    assert "2 of 18 utterances have no PESQ (nb) improvement: no value before or after (2)" in table("Improvement")[0]
    groups = table("Groups of utterances")[1]
    assert [row["Note"] for row in groups if row["Experiment"] == "tse_odd" and row["Over"] == "test"] == [
        "few speakers; SI-SDR improvement of 8; PESQ (nb) improvement of 7",
        "few speakers",
    ]
    assert "PESQ (nb) over 16 of 18 utterances" in table("Compared with tse_one")[0]
    assert expected in page_of().text


def test_failures(root):
    main(BOTH)
    text, rows = table("Failures")
    wrong = 100 * values("test", 0)["speaker_confusion"].mean()
    assert rows[0]["Speaker confusion (%)"].startswith(f"{wrong:.2f} [")
    assert rows[0]["Residual energy (dB)"].startswith("-19.00 [")  # -10.5 ... -27.5
    assert next(row for row in rows if row["Experiment"] == "tse_two")["Residual energy (dB)"] == "-"
    assert "residual energy: output against mixture" in text


def test_sweep(root):
    main(WORDS)
    _, rows = table("Enrolment length")
    assert [(row["Over"], row["Enrolment (s)"]) for row in rows] == [
        (name, value) for name in SETS for value in ("1", "2.5", "whole")
    ]
    for row, seed in zip(rows[:3], (7, 8, 0), strict=True):
        assert row["SI-SDR improvement (dB)"].startswith(f"{np.subtract(*side('test', seed)).mean():.2f} [")
    assert Path("exp/tse_one/plots/sweep_enroll_seconds.png").is_file()
    assert not Path("exp/tse_one/plots/sweep_observation.png").exists()


def test_sets_of_a_grid_have_a_table_by_noise_and_snr(root):
    grid = ("test_rain_0", "test_rain_10", "test_clean_0")
    for name, seed in (("exp/se_one", 0), ("exp/se_two", 1)):
        write_scores(Path(name), seed, sets=grid, keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    cells = {row["Experiment"]: row for row in table("By noise and SNR (dB)", "se_one")[1]}
    every = {(row["Over"], row["Experiment"]): row for row in table("Every set", "se_one")[1]}
    means = {row["Experiment"]: row for row in table("Summary", "se_one")[1] if row["Over"] == "mean of 3 sets"}
    for name in ("unprocessed mixture", "se_one", "se_two"):
        for column, over in (("Clean, 0 dB", grid[2]), ("Rain, 0 dB", grid[0]), ("Rain, 10 dB", grid[1])):
            assert cells[name][column] == every[over, name]["SI-SDR (dB)"]
            if name != "unprocessed mixture":
                assert cells[f"{name}: improvement"][column] == every[over, name]["SI-SDR improvement (dB)"]
        assert cells[name]["Avg."] == means[name]["SI-SDR (dB)"]


def test_test_sets_of_one_grid_have_means_of_their_own(root):
    grid = [f"{name}_rain_{snr}" for name in ("test", "other") for snr in (0, 10)]
    write_scores(Path("exp/se_one"), sets=grid, keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one"])
    cells = {row["Experiment"]: row for row in table("By noise and SNR (dB)", "se_one")[1]}
    for name in ("test", "other"):
        mean = np.mean([values(f"{name}_rain_{snr}", 0)["si_sdr"].mean() for snr in (0, 10)])
        assert cells[f"se_one: {name}"]["Avg."].startswith(f"{mean:.2f} [")


def test_an_experiment_scored_on_fewer_sets_is_in_the_summary_too(root):
    grid = ["test_rain_0", "test_rain_10"]
    write_scores(Path("exp/se_one"), sets=grid, keep=("si_sdr", "si_sdr_mix"))
    write_scores(Path("exp/se_two"), sets=grid[:1], keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    actual = [(row["Over"], row["Experiment"]) for row in table("Summary", "se_one")[1]]
    mixture = "unprocessed mixture"
    assert actual[2:] == [("test_rain_0", mixture), ("test_rain_0", "se_two")]
    assert [who for _, who in actual[:2]] == [mixture, "se_one"]


def test_experiments_that_differ_in_alpha_alone_have_a_table_and_curves(root):
    for name, alpha in (("one", 0.1), ("two", 1.0)):
        expdir = write_scores(Path(f"exp/se_{name}"), int(alpha), keep=("si_sdr", "si_sdr_mix"))
        loss = {"class_path": "Multitask", "init_args": {"loss": {"class_path": "LMFB"}, "alpha": alpha}}
        (expdir / "config.yaml").write_text(json.dumps({"model": {}, "loss": loss, "expdir": str(expdir)}))
    write_scores(Path("exp/se_two"), 5, "_beta0.5", keep=("si_sdr", "si_sdr_mix"), declared=("observation", 0.5))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    _, rows = table("Multitask weight alpha by observation adding beta", "se_one")
    main_rows = {row["Experiment"]: row for row in table("Summary", "se_one")[1]}
    assert [(row["Loss"], row["Alpha"], row["Experiment"]) for row in rows] == [
        ("LMFB", "0.1", "se_one"),
        ("LMFB", "1", "se_two"),
    ]
    assert [row["Beta 0"] for row in rows] == [main_rows[row["Experiment"]]["SI-SDR (dB)"] for row in rows]
    assert rows[0]["Beta 0.5"] == "-"
    assert rows[1]["Beta 0.5"] == table("Observation adding", "se_one")[1][1]["SI-SDR (dB)"]
    assert "plots/alpha_1.png" in Path("exp/se_one/RESULTS.md").read_text()


def test_another_variant_is_a_row_of_its_own(root):
    write_scores(Path("exp/tse_one"), 5, "_other")
    main(WORDS)
    assert "tse_one (other)" in [row["Experiment"] for row in table("Every set")[1]]
    assert [row["Experiment"] for row in table("Compared with tse_one")[1]] == ["tse_one (other)"] * 2


def test_mixtures_that_differ_are_told_apart(root):
    def louder(name, tables, undefined):
        tables["si_sdr_mix"] = {utt: value + 1 for utt, value in tables["si_sdr_mix"].items()}

    write_scores(Path("exp/tse_else"), 0, change=louder)
    main([*WORDS, "--compare", "exp/tse_else"])
    text, rows = table("Every set")
    assert "unprocessed mixture (tse_else)" in [row["Experiment"] for row in rows]
    assert "test: the experiments' mixtures differ" in text


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
