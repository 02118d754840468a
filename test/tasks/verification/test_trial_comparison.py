import numpy as np
import pytest

from toolkit.io.datadir import write_table
from toolkit.io.enrolment import write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import resample_verification
from toolkit.metrics.statistics.paired import compare, stretch
from toolkit.tasks.verification.trial_comparison import compare_systems, load_condition

UTT2SPK = {f"s{s:02d}-{u}": f"s{s:02d}" for s in range(12) for u in range(3)}
PAIRS = [(a, b) for a in UTT2SPK for b in UTT2SPK if a < b]


def write_scored(folder, seed, gain=1.0, pairs=PAIRS):
    rng = np.random.default_rng(seed)
    lines = [f"{a} {b} {gain * (UTT2SPK[a] == UTT2SPK[b]) + rng.normal():.6f}\n" for a, b in pairs]
    folder.mkdir(parents=True)
    (folder / "scores.txt").write_text("".join(lines))
    return folder


@pytest.fixture
def speakers(tmp_path):
    write_table(tmp_path / "utt2spk", UTT2SPK)
    return tmp_path / "utt2spk"


def numbers(folder):
    return np.array([float(line.split()[2]) for line in (folder / "scores.txt").read_text().splitlines()])


def test_differences_are_those_of_the_two_bootstraps(tmp_path, speakers):
    a, b = write_scored(tmp_path / "a/test", 1), write_scored(tmp_path / "b/test", 2, 3.0)
    actual = compare_systems([load_condition(a, b, speakers)], 40, 0.9, 3, iter)
    spk = [int(UTT2SPK[utt][1:]) for pair in PAIRS for utt in pair]
    enroll, test = np.array(spk[::2]), np.array(spk[1::2])
    both = (resample_verification(numbers(x), enroll == test, enroll, test, resamples=40, seed=3) for x in (a, b))
    assert actual == {"test": compare(*both, 0.9, len(set(UTT2SPK.values())))}
    assert actual["test"]["eer"].value < 0


def test_sets_of_other_names_are_said(tmp_path, speakers, caplog):
    folders = [write_scored(tmp_path / name, 1) for name in ("a/test", "b/test", "b/test_babble_0")]
    load_condition(*folders[:2], speakers)
    assert caplog.text == ""
    load_condition(folders[0], folders[2], speakers)
    assert "a/test and " in caplog.text
    assert "of sets of other names" in caplog.text


def test_lines_may_stand_in_another_order(tmp_path, speakers):
    a, b = write_scored(tmp_path / "a/test", 1), write_scored(tmp_path / "b/test", 2)
    expected = compare_systems([load_condition(a, b, speakers)], 20, 0.9, 3, iter)
    lines = (b / "scores.txt").read_text().splitlines(keepends=True)
    (b / "scores.txt").write_text("".join(lines[::-1]))
    assert compare_systems([load_condition(a, b, speakers)], 20, 0.9, 3, iter) == expected


def test_conditions_of_several_speakers_share_the_draws(tmp_path, speakers):
    """The mean over a condition and a part of it: by hand, with draws from all speakers."""
    part = [pair for pair in PAIRS if all(int(utt[1:3]) < 7 for utt in pair)]
    folders = [
        [write_scored(tmp_path / f"{s}/{name}", seed, 2.0, pairs) for name, pairs in (("all", PAIRS), ("part", part))]
        for seed, s in enumerate("ab")
    ]
    conditions = [load_condition(a, b, speakers) for a, b in zip(*folders, strict=True)]
    actual = compare_systems(conditions, 30, 0.95, 0, iter)
    assert list(actual) == ["all", "part", "Avg."]
    means = []
    for system in folders:
        draws, values = [], []
        for folder, pairs in zip(system, (PAIRS, part), strict=True):
            enroll, test = (np.array([int(UTT2SPK[pair[i]][1:]) for pair in pairs]) for i in (0, 1))
            drawn = resample_verification(
                numbers(folder), enroll == test, enroll, test, resamples=30, population=np.arange(12)
            )
            draws.append(drawn.samples["eer"])
            values.append(drawn.values["eer"])
        means.append((np.mean(values), np.mean(draws, axis=0)))
    difference = means[1][1] - means[0][1]
    assert actual["Avg."]["eer"].value == pytest.approx(means[1][0] - means[0][0])
    distance = stretch(12, 0.95) * np.abs(difference - actual["Avg."]["eer"].value)
    assert actual["Avg."]["eer"].p == pytest.approx((1 + np.sum(distance >= abs(actual["Avg."]["eer"].value))) / 31)


def test_models_have_the_speakers_of_their_utterances(tmp_path, speakers):
    write_enroll2utt(tmp_path / "enroll2utt", {"M": ["s00-0", "s00-1"], "N": ["s01-0"]})
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.txt").write_text("M s00-2 1\nN s00-2 0\nN s01-1 1\n")
    actual = load_condition(tmp_path / "a", tmp_path / "b", speakers, tmp_path / "enroll2utt")
    assert actual.is_target.tolist() == [True, False, True]
    assert actual.enroll.tolist() == ["s00", "s01", "s01"]


def test_scores_of_other_trials(tmp_path, speakers):
    a, b = write_scored(tmp_path / "a/test", 1), write_scored(tmp_path / "b/test", 2, pairs=PAIRS[1:])
    with pytest.raises(InputError, match="b/test/scores.txt: its 629 trials are not the 630 of .*a/test/scores.txt"):
        load_condition(a, b, speakers)


def test_trials_of_one_kind(tmp_path, speakers):
    a, b = (write_scored(tmp_path / f"{s}/test", 1, pairs=[("s00-0", "s00-1")]) for s in "ab")
    with pytest.raises(InputError, match="all trials are of one kind by"):
        load_condition(a, b, speakers)
