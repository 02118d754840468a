"""kill -9 in every stage of the mini recipe and the same command again: the result of an undisturbed run."""

from helpers.killed_runs import kill_in, seconds_of_stages, start

from .conftest import MINI, SMALL, outcome

STAGES = range(1, 11)
# Several processes make the corpus, so that there are some to kill.
WORDS = [*MINI, "--local_data_opts", f"{SMALL} --workers 2", "--skip_packing", "false"]


def test_kill_9_in_every_stage_and_the_same_command_again(tree, mini):
    calm, expected = mini
    seconds = seconds_of_stages((calm / "first.log").read_text())
    assert list(seconds) == list(STAGES)
    folder = tree.copy("mini/sv")
    for stage in STAGES:
        delay = max(0.6 * seconds[stage], 0.2)
        killed = kill_in(start(folder, WORDS), stage, delay, with_jobs=stage % 2 == 0)
        assert killed or stage == STAGES[-1], f"the run ended before stage {stage}"  # it may end within the last
    with start(folder, WORDS) as last:
        message = last.stdout.read()
    assert last.returncode == 0, message[-3000:]
    actual = outcome(folder)
    assert len(expected) > 200
    assert [key for key in expected | actual if expected.get(key) != actual.get(key)] == []
