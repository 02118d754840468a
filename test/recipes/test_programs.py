"""Programs in one interpreter, run once while what they read is the same."""

import pytest

from toolkit.recipes.programs import output_of, output_once

CHECK = ["simulate_plan", "--data", "x", "--name", "y", "--check"]
NOISY = [*CHECK, "--planner.noises", "{n: {data: [d], snr: [0, 5]}}"]


def test_programs_run_in_turn_until_one_fails(capsys, tmp_path):
    assert output_of([["", *CHECK], ["", *NOISY]]) == "plan: one talker alone\nplan: mixing\n"
    (tmp_path / "trials").write_text("a b target\n")
    with pytest.raises(SystemExit) as failed:
        output_of([["fix the list", "make_trials", "--check", str(tmp_path)], ["", "no_such_program"]])
    assert failed.value.code == 1
    assert capsys.readouterr().err.endswith("; fix the list\n")


def test_a_wrong_option_ends_it_as_it_ends_the_program(capsys):
    with pytest.raises(SystemExit) as failed:
        output_of([["", "make_trials", "--no_such"]])
    assert failed.value.code == 1
    assert "--no_such" in capsys.readouterr().err


def test_what_was_done_is_not_done_again_unless_a_file_has_changed(tmp_path):
    dep, output = tmp_path / "dep", tmp_path / "out"
    dep.write_text("1")
    output.write_text("as it was left")

    def once() -> tuple[str, int]:
        printed = output_once([["", *CHECK]], tmp_path / "mark", [str(dep)], [str(output)])
        return printed, (tmp_path / "mark").stat().st_mtime_ns

    first = once()
    assert first[0] == "plan: one talker alone\n"
    assert once() == first
    dep.write_text("other")
    changed = once()
    assert changed[1] != first[1]
    output.unlink()
    assert once()[1] != changed[1]
