import random

import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.io.scores import check_labels
from toolkit.io.trials import Trials, check_ids, make_trials, read_trials, write_trials

KALDI = "a-1 b-1 nontarget\na-1 a-2 target\nc-1 a-2 nontarget\n"
UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(12) for u in range(6)}
SPK2GENDER = {f"s{s}": "m" if s < 7 else "f" for s in range(12)}


@pytest.fixture
def trial_file(tmp_path):
    def write(text):
        path = tmp_path / "trials"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def as_tuples(trials):
    return [(a, b, bool(t)) for (a, b), t in zip(trials.pairs(), trials.is_target, strict=True)]


def test_reads_target_nontarget_lines(trial_file):
    expected = [("a-1", "b-1", False), ("a-1", "a-2", True), ("c-1", "a-2", False)]
    assert as_tuples(read_trials(trial_file(KALDI))) == expected


def test_reads_voxceleb_lines_with_paths_as_ids(trial_file):
    trials = read_trials(trial_file("1 id1/x/1.wav id1/y/2.wav\n0 id1/x/1.wav id2/z/1.wav"))
    assert as_tuples(trials) == [("id1/x/1.wav", "id1/y/2.wav", True), ("id1/x/1.wav", "id2/z/1.wav", False)]


def test_ids_that_look_like_labels(trial_file):
    assert as_tuples(read_trials(trial_file("1 0 target\n0 0 nontarget\n"))) == [("1", "0", True), ("0", "0", False)]


def test_each_id_is_held_once(trial_file):
    trials = read_trials(trial_file(KALDI))
    assert sorted(trials.ids) == ["a-1", "a-2", "b-1", "c-1"]
    assert len(trials) == 3


@pytest.mark.parametrize("gap", ["\t", "   ", " \t "])
def test_any_white_space_parts_fields(trial_file, gap):
    assert as_tuples(read_trials(trial_file(KALDI.replace(" ", gap).replace("\n", "\r\n")))) == as_tuples(
        read_trials(trial_file(KALDI))
    )


def test_long_lists_are_read_in_chunks(trial_file, monkeypatch):
    monkeypatch.setattr("toolkit.io.text._CHUNK_BYTES", 100)
    rows = [(f"u{i % 37}", f"v{i % 11}", i % 3 == 0) for i in range(1000)]
    text = "".join(f"{a} {b} {'target' if t else 'nontarget'}\n" for a, b, t in rows)
    assert as_tuples(read_trials(trial_file(text))) == rows


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a b\n", 1),
        ("a b maybe\n", 1),
        ("2 a b\n", 1),
        ("\na b target\n", 1),
        (KALDI + "a b\n", 4),
        (KALDI + "a b imposter\n", 4),
        (KALDI + "a b c target\n", 4),
        (KALDI + "\na b target\n", 4),
        (KALDI + "1 a b\n", 4),
        (KALDI + "a b\nc d target target\n", 4),  # six fields, of two lines
        (KALDI + "a b target c d e target\n", 4),  # one line, the labels where two lines would have them
        ("1 a b\n2 a b\n", 2),
        ("1 a b\n1 a\n0 0 b c\n", 2),  # the labels would stand in the right places
    ],
)
def test_malformed_line_is_named(trial_file, text, line):
    with pytest.raises(InputError, match=rf"trials:{line}: expected '"):
        read_trials(trial_file(text))


def test_malformed_line_in_a_later_chunk(trial_file, monkeypatch):
    monkeypatch.setattr("toolkit.io.text._CHUNK_BYTES", 30)
    with pytest.raises(InputError, match=r":301: expected"):
        read_trials(trial_file(KALDI * 100 + "a b\n" + KALDI * 100))


def test_missing_empty_and_unreadable_files(trial_file, tmp_path):
    with pytest.raises(InputError, match="no such trial list"):
        read_trials(tmp_path / "absent")
    with pytest.raises(InputError, match="is empty"):
        read_trials(trial_file(""))
    with pytest.raises(InputError, match="cannot be read"):
        read_trials(trial_file(b"a \xff\xfe target\n"))


def test_write_then_read(trial_file, tmp_path):
    write_trials(tmp_path / "copy", read_trials(trial_file(KALDI)))
    assert (tmp_path / "copy").read_text() == KALDI


def test_check_ids_names_what_is_missing(trial_file):
    trials = read_trials(trial_file(KALDI))
    check_ids(trials, {"a-1", "a-2", "b-1", "c-1", "more"}, "emb.scp")
    with pytest.raises(InputError, match=r"emb.scp: lacks 2 .*: a-2, c-1;"):
        check_ids(trials, {"a-1", "b-1"}, "emb.scp")


def test_a_pair_with_both_labels_is_named(trial_file):
    check_labels(read_trials(trial_file(KALDI + KALDI)), "trials")
    for line in ("a-1 a-2 nontarget\n", "a-2 a-1 nontarget\n"):
        with pytest.raises(InputError, match="'a-1 a-2' is listed as target and as nontarget"):
            check_labels(read_trials(trial_file(KALDI + line)), "trials")


def test_unused_ids_need_not_be_known():
    trials = Trials(["a", "b", "idle"], np.array([0]), np.array([1]), np.array([False]))
    check_ids(trials, {"a", "b"}, "emb.scp")


def speakers_of(trials):
    spk = np.array([UTT2SPK[utt] for utt in trials.ids])
    return spk[trials.enroll], spk[trials.test]


def test_made_trials_are_what_their_labels_say():
    trials = make_trials(UTT2SPK, 200, num_targets=50, seed=1)
    enroll, test = speakers_of(trials)
    assert ((enroll == test) == trials.is_target).all()
    assert trials.is_target.sum() == 50
    assert len(trials) == 250
    assert (trials.enroll != trials.test).all()


@pytest.mark.parametrize("num_nontargets", [100, 2376])  # 2376 = 12 * 11 / 2 * 6 * 6: all there are
def test_no_pair_twice_either_way_round(num_nontargets):
    trials = make_trials(UTT2SPK, num_nontargets, targets_per_speaker=15)
    assert len({frozenset(pair) for pair in trials.pairs()}) == len(trials) == num_nontargets + 12 * 15


def test_speakers_take_turns():
    trials = make_trials(UTT2SPK, 120, num_targets=40, seed=2)
    enroll, test = speakers_of(trials)
    targets = np.unique(enroll[trials.is_target], return_counts=True)[1]
    nontargets = np.unique(np.concatenate([enroll, test])[np.tile(~trials.is_target, 2)], return_counts=True)[1]
    assert set(targets) <= {3, 4}  # 40 over 12 speakers
    assert nontargets.min() >= 14  # 20 on average, but for repeated pairs that were drawn anew
    assert nontargets.max() <= 26


def test_targets_per_speaker_is_an_upper_bound():
    trials = make_trials(
        {"a-1": "a", "a-2": "a", "b-1": "b", "b-2": "b", "b-3": "b", "c-1": "c"}, 1, targets_per_speaker=2
    )
    pairs = [a[0] for (a, _), target in zip(trials.pairs(), trials.is_target, strict=True) if target]
    assert sorted(pairs) == ["a", "b", "b"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_share_of_same_gender(share):
    trials = make_trials(UTT2SPK, 100, num_targets=1, spk2gender=SPK2GENDER, same_gender_share=share)
    enroll, test = ([SPK2GENDER[spk] for spk in side[~trials.is_target]] for side in speakers_of(trials))
    assert sum(a == b for a, b in zip(enroll, test, strict=True)) == 100 * share


def test_seed_decides_and_order_of_the_mapping_does_not():
    shuffled = dict(random.Random(0).sample(sorted(UTT2SPK.items()), len(UTT2SPK)))
    first, second, other = (
        as_tuples(make_trials(mapping, 50, num_targets=20, spk2gender=SPK2GENDER, seed=seed))
        for mapping, seed in ((UTT2SPK, 5), (shuffled, 5), (UTT2SPK, 6))
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_nontargets": 2377, "num_targets": 1}, "2377 nontarget pairs requested, the utterances give 2376"),
        ({"num_nontargets": 1, "num_targets": 181}, "181 target pairs requested, the utterances give 180"),
        ({"num_nontargets": 1}, "targets_per_speaker"),
        ({"num_nontargets": 1, "num_targets": 1, "targets_per_speaker": 1}, "targets_per_speaker"),
        ({"num_nontargets": 1, "num_targets": 1, "spk2gender": {"s0": "m"}}, "spk2gender: lacks s1, s10"),
        (
            {"num_nontargets": 4, "num_targets": 1, "spk2gender": dict.fromkeys(SPK2GENDER, "f")},
            "2 cross-gender nontarget pairs requested, the utterances give 0",
        ),
    ],
)
def test_impossible_lists(options, message):
    with pytest.raises(InputError, match=message):
        make_trials(UTT2SPK, **options)
