"""Plans: what is written is what is read, and what cannot be rendered is refused with its place."""

import json

import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture, Source, contents_of, generator, read_plan, write_plan


def mixture(*sources, **over):
    whole = {"id": "m", "fs": 16000, "length": 100, "speaker": "s", "sources": (Source("spk1", "u", 100), *sources)}
    return Mixture(**{**whole, **over})


def random_mixture(rng, number):
    """A valid mixture with about half of the optional fields set."""
    length = int(rng.integers(1, 10**6))
    roles = ["spk1", *(f"{kind}{n}" for kind in ("spk", "noise") for n in (2, 3) if rng.random() < 0.5)]
    snr = {role: float(rng.normal(0, 20)) for role in roles[1:] if rng.random() < 0.5}

    def source(role):
        optional = {
            "begin": int(rng.integers(10**7)),
            "offset": int(rng.integers(length)),
            "speed": float(rng.uniform(0.5, 2)),
            "room": 'room "é\u2028" 1',
            "wrap": True,
        }
        chosen = {key: value for key, value in optional.items() if rng.random() < 0.5}
        if role not in snr and rng.random() < 0.5:
            chosen["gain"] = float(rng.normal())
        return Source(role, f"utt-{rng.integers(99)}", int(rng.integers(1, 10**6)), **chosen)

    facts = {"noise": "\\babble\t\x85"} if rng.random() < 0.5 else {}
    level = ("mean", "active")[rng.integers(2)]
    clip = bool(rng.integers(2))
    return Mixture(f"m{number}", 8000, length, tuple(map(source, roles)), "spk-é", snr, level, facts, clip)


def test_random_plans_come_back_equal(tmp_path):
    rng = np.random.default_rng(0)
    plan = [random_mixture(rng, number) for number in range(300)]
    write_plan(tmp_path / "mix.jsonl", plan)
    assert list(read_plan(tmp_path / "mix.jsonl")) == plan
    assert (tmp_path / "mix.jsonl").read_bytes().count(b"\n") == 300
    assert '"speaker": "spk-é"' in (tmp_path / "mix.jsonl").read_text()


def test_a_line_says_what_is_not_default_and_no_more():
    line = json.loads(mixture(Source("noise1", "n", 50, offset=7), snr={"noise1": 5.0}).to_json())
    assert line == {
        "id": "m",
        "fs": 16000,
        "length": 100,
        "sources": [
            {"role": "spk1", "utt": "u", "length": 100},
            {"role": "noise1", "utt": "n", "length": 50, "offset": 7},
        ],
        "speaker": "s",
        "snr": {"noise1": 5.0},
        "level": "mean",
    }


GOOD = mixture().to_json()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "3",
        "{",
        GOOD[:-5],
        "{}",
        GOOD.replace('"speaker": "s", ', ""),
        GOOD.replace('"id"', '"name"'),
        GOOD.replace('"utt"', '"utterance"'),
        GOOD.replace('"length": 100', '"length": "100"'),
        GOOD.replace("[{", "[1, {"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_number(tmp_path, line):
    (tmp_path / "mix.jsonl").write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(InputError, match=r"mix\.jsonl:2: "):
        list(read_plan(tmp_path / "mix.jsonl"))


def test_files_that_are_no_plans(tmp_path):
    with pytest.raises(InputError, match=r"mix\.jsonl: no such plan"):
        list(read_plan(tmp_path / "mix.jsonl"))
    (tmp_path / "mix.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"mix\.jsonl:1: cannot be read"):
        list(read_plan(tmp_path / "mix.jsonl"))


N = Source("noise1", "n", 100)
S = Source("spk1", "u", 100)


@pytest.mark.parametrize(
    ("sources", "over", "message"),
    [
        ((), {"sources": ()}, "exactly one source with role spk1"),
        ((), {"sources": (N,)}, "exactly one source with role spk1"),
        ((Source("spk1", "u", 100),), {}, "exactly one source with role spk1"),
        ((), {"length": 0}, "must be positive"),
        ((), {"fs": 0}, "must be positive"),
        ((Source("noise1", "n", 0),), {}, "must be positive"),
        ((Source("noise1", "n", 5, begin=-1),), {}, "not negative"),
        ((Source("noise1", "n", 5, offset=-1),), {}, "not negative"),
        ((Source("noise1", "n", 5, offset=100),), {}, "n starts after the mixture's 100 samples"),
        ((Source("noise1", "n", 5.0),), {}, "whole numbers"),
        ((Source("noise1", "n", 5, speed=0.0),), {}, "speeds must be from 0.1 to 10"),
        ((Source("noise1", "n", 5, speed=float("inf")),), {}, "speeds must be from 0.1 to 10"),
        ((Source("noise1", "n", 5, taps=(0.0, 0.0, 0.0)),), {}, "taps of n"),
        ((Source("noise1", "n", 5, taps=(0.0, 0.0, 0.0, float("nan"))),), {}, "taps of n"),
        ((Source("noise1", "n", 5, taps=(0.0, 0.0, 1.5, 0.4)),), {}, "taps of n: 1 .* is not a stable filter"),
        ((Source("noise1", "n", 5, taps=(0.0, 0.0, 0.0, 1.0)),), {}, "taps of n: 1 .* is not a stable filter"),
        ((Source("wav", "n", 5),), {}, "role wav: must not be"),
        ((Source("dereverb1", "n", 5),), {}, "role dereverb1: must not be"),
        ((N,), {"snr": {"noise2": 0.0}}, r"snr is given for \['noise2'\]; must be for \['noise1'\]"),
        ((N,), {"snr": {"spk1": 0.0}}, r"snr is given for \['spk1'\]"),
        ((N,), {"snr": {"noise1": float("nan")}}, "finite"),
        ((Source("noise1", "n", 5, gain=float("inf")),), {}, "finite"),
        ((Source("noise1", "n", 5, gain=-1e39),), {}, "gains must be"),
        ((N,), {"snr": {"noise1": -1e4}}, "SNRs must be"),
        ((N, Source("noise1", "n", 5, gain=1.0)), {"snr": {"noise1": 0.0}}, "both an snr and gains"),
        ((), {"level": "peak"}, "mean or active"),
        ((), {"id": "two words"}, "without spaces"),
        ((), {"speaker": ""}, "without spaces"),
    ],
)
def test_what_cannot_be_rendered_is_refused(sources, over, message):
    with pytest.raises(InputError, match=message):
        mixture(*sources, **over)


def test_the_smallest_mixture():
    assert mixture(Source("noise1", "n", 1), fs=1, length=1).length == 1


def test_a_plan_that_fails_midway_leaves_the_old_one(tmp_path):
    write_plan(tmp_path / "mix.jsonl", [mixture()])
    old = (tmp_path / "mix.jsonl").read_bytes()

    def broken():
        yield mixture(id="other")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_plan(tmp_path / "mix.jsonl", broken())
    assert (tmp_path / "mix.jsonl").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["mix.jsonl"]


def test_a_generator_depends_on_its_words_only():
    def first(*words):
        return generator(*words).random(4).tolist()

    assert first(1, "a", 2) == first(1, "a", 2)
    others = [first(1, "a", 3), first(2, "a", 2), first(1, "b", 2), first("a", 1, 2), first(1, "a"), first("1a2")]
    assert len({tuple(numbers) for numbers in [first(1, "a", 2), *others]}) == 7


def test_roles_and_facts_of_a_plan_without_parsing_it(tmp_path):
    odd = {"noise": 'x"role": "spk7" y', "enrol": "z"}
    plan = [Mixture("a", 16000, 100, (S, N), "s"), Mixture("b", 16000, 100, (S,), "s", facts=odd)]
    write_plan(tmp_path / "mix.jsonl", plan)
    roles = {source.role for mixture in read_plan(tmp_path / "mix.jsonl") for source in mixture.sources}
    assert contents_of(tmp_path / "mix.jsonl", "enroll") == (roles, False)
    assert contents_of(tmp_path / "mix.jsonl", "enrol") == (roles, True)


@pytest.mark.parametrize("key", ["a", "é", 'q"q', "b\\c", "d"])
def test_some_lines_of_a_plan(tmp_path, key):
    plan = [Mixture(one, 16000, 100, (S,), "s") for one in ("a", "é", 'q"q', "b\\c", "d")]
    write_plan(tmp_path / "mix.jsonl", plan)
    assert list(read_plan(tmp_path / "mix.jsonl", {key})) == [one for one in plan if one.id == key]


@pytest.mark.parametrize(
    "change",
    [{"facts": []}, {"facts": {"a/b": "c"}}, {"facts": {"a": 3}}, {"snr": []}, {"id": 3}, {"speaker": None},
     {"clip": 1},
     {"length": 10**30}, {"fs": 10**30}, {"sources": 3}, {"sources": [{"role": "../x", "utt": "u", "length": 9}]},
     {"sources": [{"role": "spk1", "utt": 3, "length": 9}]},
     {"sources": [{"role": "spk1", "utt": "u", "length": 9, "gain": "x"}]},
     {"sources": [{"role": "spk1", "utt": "u", "length": 9, "gain": 10**400}]}],
)  # fmt: skip
def test_fields_of_another_kind(change):
    with pytest.raises(InputError):
        Mixture.from_json(json.dumps(json.loads(GOOD) | change))
