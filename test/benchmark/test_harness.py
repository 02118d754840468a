"""The harness of the benchmarks: order, agreement, faults, targets, the table. Nothing here is timed."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from benchmark import __main__, harness, table
from benchmark.harness import Peer, Record, Times, compare, digits, measure, peak_mib, rotated, run_rows

ROOT = Path(__file__).resolve().parents[2]


def equal(ours, theirs):
    np.testing.assert_allclose(ours, theirs, atol=0.1)


@pytest.fixture(autouse=True)
def no_collection(monkeypatch):
    """What is collected before a call is timed: all that the other tests have imported, time after time."""
    monkeypatch.setattr(harness.gc, "collect", lambda: 0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that callables advance themselves, so that figures are exact."""
    now = [0.0]
    monkeypatch.setattr(harness, "_cpu_seconds", lambda: now[0])
    monkeypatch.setattr(harness.time, "perf_counter", lambda: 2 * now[0])

    def costs(seconds, result=1.0):
        def call():
            now[0] += seconds
            return result

        return call

    return costs


def test_ratio_and_throughput_are_those_of_the_clock(clock):
    fast, slow = Peer("fast", lambda: clock(0.5), target=2), Peer("slow", lambda: clock(3.0), target=2)
    records = compare(clock(1.0), [fast, slow], agree=equal, amount=10, unit="utt/s", rounds=3)
    assert [(one.peer, one.ratio, one.met) for one in records] == [("fast", 0.5, False), ("slow", 3.0, True)]
    assert [(one.ours, one.theirs) for one in records] == [("10.0 utt/s", "20.0 utt/s"), ("10.0 utt/s", "3.33 utt/s")]
    assert all(one.low == one.ratio == one.high == one.wall for one in records)


def test_without_an_amount_the_figure_is_the_time_of_a_call(clock):
    assert compare(clock(0.25), [], agree=equal)[0].ours == "0.250 s"


def test_the_ratio_is_the_median_over_rounds_that_met_the_same_conditions(monkeypatch):
    record = Record()
    harness._fill(record, Times([1, 2, 4], [1, 1, 1]), Times([3, 6, 20], [2, 3, 4]), 3.5, None, "s")
    assert (record.ratio, record.low, record.high, record.wall, record.met) == (3, 3, 5, 3, False)


def test_the_order_of_a_round_rotates():
    assert [rotated(["a", "b", "c"], turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert rotated(["a", "b", "c"], 1) == ["b", "c", "a"]
    assert rotated([""], 5) == [""]


def test_everyone_runs_in_every_round_each_time_another_first():
    ran = []
    calls = {name: lambda name=name: ran.append(name) for name in "abc"}
    times = measure(calls, rounds=3, seconds=0)
    assert "".join(ran[3:]) == "abc" + "bca" + "cab"  # the first three counted the loops
    assert {name: len(one.cpu) for name, one in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_quick_callable_is_repeated_until_it_can_be_measured(clock):
    calls = Counter()

    def tick():
        calls["tick"] += 1
        return clock(0.001)()

    assert measure({"": tick}, rounds=1, seconds=0.1)[""].cpu == pytest.approx([0.001])
    assert calls["tick"] >= 200  # a hundred when the loops were counted, a hundred in the round


def test_another_result_is_a_fault_and_no_figure(clock):
    same, other = Peer("same", lambda: clock(1.0, 1.01)), Peer("other", lambda: clock(1.0, 2.0), target=2)
    loose = Peer("loose", lambda: clock(1.0, 2.0), agree=lambda ours, theirs: None)
    records = compare(clock(1.0), [other, same, loose], agree=equal)
    assert [bool(one.fault) for one in records] == [True, False, False]
    assert records[0].fault.startswith("results disagree: Not equal to tolerance")
    assert (records[0].ratio, records[0].met) == (None, None)


def test_a_peer_that_is_not_there_is_a_fault(clock):
    def absent():
        import no_such_package  # noqa: F401

    records = compare(clock(1.0), [Peer("absent", absent), Peer("x", lambda: clock(1), "no-such-package")], agree=equal)
    assert records[0].fault == "missing: No module named 'no_such_package'"
    assert records[1].fault.startswith("missing: ")


def test_a_row_that_crashes_is_a_fault_and_the_others_run(monkeypatch):
    monkeypatch.setattr(harness, "ROWS", {})
    harness.row("bad")(lambda: 1 / 0)
    harness.row("good")(lambda: [Record(ours="1 s"), Record(ours="2 s", row="good, too")])
    records = run_rows(["bad", "good"])
    assert [one.row for one in records] == ["bad", "good", "good, too"]
    assert records[0].fault == "crashed: ZeroDivisionError: division by zero"
    with pytest.raises(ValueError, match="two rows are called 'good'"):
        harness.row("good")(list)


def test_memory_is_that_of_the_call():
    assert 150 < peak_mib(lambda: np.ones(20 << 20)) < 200
    assert peak_mib(lambda: None) < 10
    with pytest.raises(RuntimeError, match="has died"):
        peak_mib(lambda: 1 / 0)


def test_a_child_that_fails_is_an_error():
    with pytest.raises(RuntimeError, match=r"failed: \['no way'\]"):
        harness.child("python", "-c", "import sys; sys.exit('no way')")()


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (1.5, "1.50"), (45.67, "45.7"), (12345.6, "12346")]
)
def test_three_digits(value, text):
    assert digits(value) == text


RECORDS = [
    Record("10 utt/s", "5 utt/s", "a|b (x 1.0)", 2.0, 1.9, 2.12, 2.3, ">= 1.5", True, row="one"),
    Record("10 utt/s", "9 utt/s", "c", 1.1, 1.0, 1.2, 1.0, ">= 2", False, row="two"),
    Record(peer="d", target=">= 2", fault="missing: No module named 'd'", row="three"),
    Record("3 s", row="four"),
]


def test_the_table_has_a_line_for_each_record_and_says_what_is_missed():
    lines = table.table(RECORDS).splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert lines[2] == "| one | 10 utt/s | 5 utt/s | a\\|b (x 1.0) | 2.00 [1.90 .. 2.12] | 2.30 | >= 1.5 | yes |"
    assert lines[3].endswith("| >= 2 | **missed** |")
    assert "**missing: No module named 'd'**" in lines[4]
    assert lines[5] == "| four | 3 s |  |  |  |  |  |  |"
    assert table.summary(RECORDS) == "1 of 2 targets are met; missed: two (c); no figure: three (d)."
    assert "MISSED" in table.line(RECORDS[1])


def test_the_page_names_command_commit_and_machine():
    page = table.page([("bench_x.py", "Things", RECORDS)], "ci/benchmark.sh")
    assert "`ci/benchmark.sh`" in page
    assert f"Python {sys.version.split()[0]}" in page
    assert "## [Things](bench_x.py)" in page
    assert "1 of 2 targets are met" in page


@pytest.mark.parametrize(
    ("records", "strict", "code"),
    [(RECORDS[:1], [], 0), (RECORDS[:2], [], 0), (RECORDS[:2], ["--strict"], 1), (RECORDS[2:], [], 1)],
)
def test_faults_fail_the_run_missed_targets_only_when_strict(monkeypatch, tmp_path, records, strict, code):
    monkeypatch.setattr(__main__, "run_apart", lambda path, only: (path.name, "Things", records))
    monkeypatch.setattr(__main__, "_HERE", tmp_path)
    (tmp_path / "bench_x.py").touch()
    assert __main__.main(["--out", str(tmp_path / "R.md"), *strict]) == code
    assert "## [Things](bench_x.py)" in (tmp_path / "R.md").read_text()


def test_a_module_is_run_alone_by_its_name(monkeypatch, tmp_path):
    ran = []

    def run(path, only):
        ran.append(path.stem)
        return path.name, "Things", RECORDS[:1]

    monkeypatch.setattr(__main__, "run_apart", run)
    monkeypatch.setattr(__main__, "_HERE", tmp_path)
    for name in "xyz":
        (tmp_path / f"bench_{name}.py").touch()
    __main__.main(["--only", "y"])
    assert ran == ["bench_y"]
    __main__.main(["--only", "y", "a row"])
    assert ran[1:] == ["bench_x", "bench_y", "bench_z"]


def test_a_module_runs_apart_and_its_death_is_a_fault(tmp_path, monkeypatch):
    code = '"""Tiny."""\nfrom benchmark.harness import Record, row\nrow("a b")(lambda: [Record(ours="1 s")])\n'
    package = tmp_path / "benchmark"
    package.mkdir()
    for name in ("__main__.py", "harness.py", "table.py"):
        (package / name).symlink_to(ROOT / "test/benchmark" / name)
    (package / "bench_tiny.py").write_text(code)
    (package / "bench_dying.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.setattr(__main__, "_HERE", package)
    title, records = __main__.run_apart(package / "bench_tiny.py", ["A B"])[1:]
    assert (title, [(one.row, one.ours) for one in records]) == ("Tiny", [("a b", "1 s")])
    assert __main__.run_apart(package / "bench_tiny.py", ["zzz"])[2] == []
    assert __main__.run_apart(package / "bench_dying.py", ["zzz"])[2][0].fault == "crashed: the process ended with 7"


def test_every_module_registers_rows_and_says_what_it_compares(python, tmp_path):
    """In one child process: the modules import torch."""
    (tmp_path / "rows.py").write_text(
        "import importlib, json, pathlib\nfrom benchmark import harness\nfound = {}\n"
        "for path in sorted(pathlib.Path('benchmark').glob('bench_*.py')):\n"
        "    before = len(harness.ROWS)\n    module = importlib.import_module('benchmark.' + path.stem)\n"
        "    found[path.stem] = [len(harness.ROWS) - before, module.__doc__]\nprint(json.dumps(found))\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}/test:{ROOT}"}
    command = [python, tmp_path / "rows.py"]
    done = subprocess.run(command, cwd=ROOT / "test", env=environment, capture_output=True, text=True, check=True)
    actual = json.loads(done.stdout)
    assert actual
    for name, (rows, doc) in actual.items():
        assert rows, name
        assert len(doc.split()) > 20, name
