"""The sentence above the tables: better than nothing or not, by which chance, after how many steps, on which trials."""

import re
from dataclasses import replace

import pytest
from helpers.signal_scores import write_scores

from test.report.verification.test_trial_sections import write_experiment
from toolkit.report.bootstrap_samples import difference
from toolkit.report.enhancement.audio_results import collect_audio
from toolkit.report.summaries import Experiment
from toolkit.report.verdict import verdicts
from toolkit.report.verification.trial_results import collect


@pytest.fixture
def experiments(tmp_path):
    """A network, and a baseline of 10 % higher error rates in all conditions."""
    return [write_experiment(tmp_path / name, seed) for seed, name in ((0, "network"), (10, "untrained"))]


def trained(results: Experiment, steps: int) -> Experiment:
    return replace(results, train={"steps": steps})


def eers(sets) -> float:
    return sum(one.metrics["eer"].value for one in sets) / len(sets)


def test_a_network_against_its_baseline(experiments):
    network, baseline = experiments
    (line,) = verdicts([trained(network, 7000), baseline])
    clean, whole = line.split(". ", 1)[0], line.split(". mean of 4", 1)[1]
    for text, places in ((clean, [0]), (whole, [0, 1, 2, 3])):
        ours, theirs = ([one.sets[place] for place in places] for one in (network, baseline))
        assert ("not shown to be" in text) == (difference(ours, theirs)["eer"].p > 0.05)
        assert "better than the untrained" in text
        assert [float(x) for x in re.findall(r"([\d.]+) %", text)[:2]] == [
            pytest.approx(eers(part), abs=0.006) for part in (ours, theirs)
        ]
        assert f"p = {difference(ours, theirs)['eer'].p:.2g}" in text
    assert line.startswith("network: clean, ")
    assert line.endswith(": 7,000 steps.")


def test_a_network_that_learnt_nothing_is_called_worse_and_its_few_steps_are_said(experiments):
    network, baseline = experiments
    (line,) = verdicts([network, trained(baseline, 24)])
    assert "untrained: clean, worse than" in line
    assert "24 steps, fewer" in line


def test_a_difference_by_chance_is_not_called_one(tmp_path):
    ours, baseline = (write_experiment(tmp_path / name, seed) for seed, name in ((0, "a"), (1, "b")))
    p = difference(ours.sets[:1], baseline.sets[:1])["eer"].p
    (line,) = verdicts([trained(ours, 900), baseline])
    assert ("not shown to be better" in line.split(". ")[0]) == (p > 0.05)


@pytest.mark.parametrize(("within", "said"), [(100, "all target trials lie"), (25, "25 % of the target"), (0, None)])
def test_trials_within_one_session_are_said(tmp_path, within, said):
    results = write_experiment(tmp_path / "a", 0, n_target_within_session=within)
    (line,) = verdicts([trained(results, 900)])
    assert said in line if said else "session" not in line


def test_without_training_or_draws(tmp_path, experiments):
    network, baseline = experiments
    assert verdicts([baseline]) == []
    (tmp_path / "untrained/scores/test/draws.npz").unlink()
    (line,) = verdicts([trained(network, 900), collect(tmp_path / "untrained")])
    assert line.count("not shown to be better than") == line.count("better than") == 2
    assert "p-value" in line


def test_enhancement_is_compared_with_the_mixture(tmp_path):
    write_scores(tmp_path / "exp", sets=("test",))
    (line,) = verdicts([trained(collect_audio(tmp_path / "exp"), 1200)])
    value = collect_audio(tmp_path / "exp").sets[0].metrics["si_sdri"].value
    assert f"better than the mixture (SI-SDR improvement {value:.2f} dB" in line


def test_the_extractor_of_another_is_no_baseline(experiments):
    """As where a trained extractor is of another folder, so that nothing is known of its training."""
    network, raw = experiments
    enhanced = replace(network, name="enhanced", train={"extractor": {"extractor": raw.name}})
    pretrained = replace(network, train={"pretrained": "ge2e"})
    lines = verdicts([enhanced, pretrained, raw])
    assert "the extractor alone" in lines[0]
    assert lines[1] == f"{network.name}: not compared with an untrained baseline."
