"""Draws of mixtures: what may go together, how often, and that the seed alone decides."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture
from toolkit.simulate.planner import Interferer, MixturePlanner, Noise, Recordings, _drawn
from toolkit.simulate.render import render

FS = 16000


@pytest.fixture(scope="module")
def dirs(corpus, tmp_path_factory):
    """Formatted data dirs by name, and ``rooms``: two rooms with three impulse responses each."""
    path = tmp_path_factory.mktemp("planner") / "rooms"
    path.mkdir()
    for room in "ab":
        for number in range(3):
            rir = np.r_[np.zeros(20 + number), 0.5, np.zeros(50), 0.1]
            soundfile.write(path / f"{room}{number}.wav", rir, FS)
    ids = [f"{room}{number}" for room in "ab" for number in range(3)]
    write_table(path / "wav.scp", {key: path / f"{key}.wav" for key in ids})
    write_table(path / "utt2spk", {key: f"room-{key[0]}" for key in ids})
    return {"rooms": str(path), **{name: str(corpus / "raw" / name) for name in ("train", "dev", "noise")}}


def draws(planner, count=200, seed=0, utt="s00-u0", speaker="s00", length=20000, **over):
    planner.open()
    return [planner.draw((seed, n), f"m{n}", utt, speaker, length, FS, **over) for n in range(count)]


def of_role(mixture, role):
    return [source for source in mixture.sources if source.role == role]


def everything(dirs):
    """A planner with all it can do."""
    noises = {"noise": Noise([dirs["noise"]]), "babble": Noise([dirs["train"]], talkers=(2, 3))}
    interferer = Interferer([dirs["dev"]])
    return MixturePlanner(noises, 0.7, [dirs["rooms"]], 0.5, [0.9, 1.0, 1.1], True, interferer).open()


def test_a_line_depends_on_its_seed_words_only(dirs):
    one = draws(everything(dirs), 40)
    planner = everything(dirs)
    draws(planner, 7, seed=5)
    other = [planner.draw((0, n), f"m{n}", "s00-u0", "s00", 20000, FS) for n in reversed(range(40))]
    assert one == other[::-1]


def test_the_order_of_kinds_in_a_config_does_not_matter(dirs):
    noises = {"noise": Noise([dirs["noise"]]), "babble": Noise([dirs["train"]], talkers=(2, 3), weight=2)}
    assert draws(MixturePlanner(noises), 40) == draws(MixturePlanner(dict(reversed(noises.items()))), 40)


def test_another_seed_draws_other_mixtures(dirs):
    one, other = draws(everything(dirs), 40), draws(everything(dirs), 40, seed=1)
    assert sum(a == b for a, b in zip(one, other, strict=True)) == 0


def test_every_drawn_mixture_can_be_rendered(dirs):
    audio, rooms = AudioTable(dirs["train"], dirs["dev"], dirs["noise"]), AudioTable(dirs["rooms"])
    length = audio.num_samples("s00-u0")
    for crop in (None, 6000, 50000):
        for mixture in draws(everything(dirs), 25, length=length, crop=crop):
            streams = render(mixture, audio, rooms)
            assert {len(stream) for stream in streams.values()} == {mixture.length}


def test_babble_is_of_distinct_speakers_without_the_target(dirs):
    planner = MixturePlanner({"babble": Noise([dirs["train"]], talkers=(1, 3))})
    speakers = [[source.utt[:3] for source in of_role(m, "noise1")] for m in draws(planner, speaker="s02")]
    assert all("s02" not in talkers and len(set(talkers)) == len(talkers) for talkers in speakers)
    assert {len(talkers) for talkers in speakers} == {1, 2, 3}
    assert {name for talkers in speakers for name in talkers} == {"s00", "s01", "s03"}


def test_babble_without_speaker_labels_repeats_no_recording(dirs, tmp_path):
    write_table(tmp_path / "wav.scp", DataDir(dirs["noise"]).table("wav.scp"))
    planner = MixturePlanner({"babble": Noise([str(tmp_path)], talkers=(2, 2))})
    for mixture in draws(planner, 50, utt="noise1", speaker="anybody"):
        assert {source.utt for source in of_role(mixture, "noise1")} == {"noise0", "noise2"}


def test_more_talkers_than_speakers(dirs):
    planner = MixturePlanner({"babble": Noise([dirs["train"]], talkers=(4, 4))})
    with pytest.raises(InputError, match="no recording of a speaker other than"):
        draws(planner, 1)


def test_the_one_speaker_left_is_found_among_thousands(tmp_path):
    ids = {f"u{n:05d}": "crowd" for n in range(20000)} | {"needle": "other"}
    write_table(tmp_path / "wav.scp", dict.fromkeys(ids, "audio.wav"))
    write_table(tmp_path / "utt2spk", ids)
    assert Recordings([str(tmp_path)], "data").draw(np.random.default_rng(0), {"crowd"}) == "needle"


def test_snr_lies_in_the_range_of_its_kind(dirs):
    noises = {"low": Noise([dirs["noise"]], snr=(-5, 0)), "high": Noise([dirs["noise"]], snr=(10, 15))}
    drawn = {"low": [], "high": []}
    for mixture in draws(MixturePlanner(noises)):
        drawn[mixture.facts["noise"]].append(mixture.snr["noise1"])
        assert float(mixture.facts["snr"]) == mixture.snr["noise1"]
    for kind, (low, high) in (("low", (-5, 0)), ("high", (10, 15))):
        assert low <= min(drawn[kind]) < low + 0.5
        assert high - 0.5 < max(drawn[kind]) <= high


def test_kinds_come_as_often_as_weighed(dirs):
    """Counts of 2000 draws lie within five standard deviations of what the weights say."""
    noises = {name: Noise([dirs["noise"]], weight=weight) for name, weight in (("a", 1), ("b", 3), ("c", 0.5))}
    kinds = [mixture.facts["noise"] for mixture in draws(MixturePlanner(noises, noise_prob=0.6), 2000)]
    for kind, share in (("a", 0.6 / 4.5), ("b", 1.8 / 4.5), ("c", 0.3 / 4.5), ("clean", 0.4)):
        assert abs(kinds.count(kind) - 2000 * share) < 5 * np.sqrt(2000 * share * (1 - share))


def test_kind_and_snr_can_be_fixed_without_changing_the_recording(dirs):
    planner = MixturePlanner({"noise": Noise([dirs["noise"]]), "babble": Noise([dirs["train"]], talkers=(2, 3))}, 0.0)
    low, high = (draws(planner, 20, kind="babble", snr=snr) for snr in (0, 20))
    assert [m.sources for m in low] == [m.sources for m in high]
    assert {m.facts["noise"] for m in low} == {"babble"}
    assert {m.snr["noise1"] for m in low} == {0.0}
    assert {m.facts["snr"] for m in high} == {"20"}


def test_the_sources_of_a_mixture_share_a_room(dirs):
    noises = {"babble": Noise([dirs["train"]], talkers=(1, 3))}
    planner = MixturePlanner(noises, rooms=[dirs["rooms"]], room_prob=0.5, interferer=Interferer([dirs["dev"]]))
    drawn = draws(planner, 400)
    for mixture in drawn:
        rooms = [source.room for source in mixture.sources]
        assert mixture.facts.get("room") == rooms[0]
        if rooms[0]:
            assert len({room[0] for room in rooms}) == 1
            assert len(set(rooms[:3])) == min(3, len(rooms))
        else:
            assert set(rooms) == {None}
    assert abs(sum("room" in mixture.facts for mixture in drawn) - 200) < 50
    assert {m.facts["room"] for m in drawn if "room" in m.facts} == {"a0", "a1", "a2", "b0", "b1", "b2"}


def test_a_crop_lies_inside_the_recording(dirs):
    targets = [m.sources[0] for m in draws(MixturePlanner(), crop=12000)]
    assert {(source.length, source.wrap) for source in targets} == {(12000, False)}
    begins = [source.begin for source in targets]
    assert 0 <= min(begins) < 500
    assert 7500 < max(begins) <= 8000


def test_a_crop_may_begin_anywhere(dirs):
    """One sample shorter than the recording: it begins at the first or at the second sample, never elsewhere."""
    planner = MixturePlanner({"noise": Noise([dirs["noise"]])})
    drawn = draws(planner, 50, length=32000, crop=31999)
    assert {m.sources[0].begin for m in drawn} == {m.sources[1].begin for m in drawn} == {0, 1}
    assert {source.wrap for m in drawn for source in m.sources} == {False}
    (whole,) = draws(MixturePlanner(), 1, length=32000, crop=32000)
    assert (whole.sources[0].begin, whole.sources[0].wrap) == (0, False)


def test_ranges_of_one_value(dirs):
    noises = {"babble": Noise([dirs["train"]], snr=(5, 5), talkers=(2, 2))}
    planner = MixturePlanner(noises, interferer=Interferer([dirs["dev"]], sir=(0, 0)))
    assert {tuple(m.snr.items()) for m in draws(planner, 10)} == {(("spk2", 0.0), ("noise1", 5.0))}
    assert {m.level for m in draws(planner, 10)} == {"mean"}


def test_a_recording_shorter_than_the_crop_is_repeated():
    (mixture,) = draws(MixturePlanner(), 1, crop=50000)
    assert mixture.length == 50000
    assert (mixture.sources[0].begin, mixture.sources[0].wrap) == (0, True)


def test_noise_is_a_part_of_its_recording_or_repeats_it(dirs):
    planner = MixturePlanner({"noise": Noise([dirs["noise"]])})
    for length in (20000, 40000):  # the noises have 32000 samples
        for mixture in draws(planner, 50, length=length):
            (noise,) = of_role(mixture, "noise1")
            assert (noise.offset, noise.length) == (0, length)
            assert noise.wrap == (noise.begin + length > 32000)
            assert noise.wrap == (length > 32000)


def test_speed_changes_length_and_with_it_the_speaker(dirs):
    mixtures = draws(MixturePlanner(speeds=[0.8, 1.0, 1.25], new_speakers=True), 100)
    lengths = {m.sources[0].speed: (m.length, m.speaker) for m in mixtures}
    assert lengths == {0.8: (25000, "sp0.8-s00"), 1.0: (20000, "s00"), 1.25: (16000, "sp1.25-s00")}
    assert {m.speaker for m in draws(MixturePlanner(speeds=[0.8]), 5)} == {"s00"}
    assert {m.length for m in draws(MixturePlanner(speeds=[0.8, 1.0]), 5, speed=1.25)} == {16000}


@pytest.mark.parametrize("length", ["min", "max", "target"])
@pytest.mark.parametrize("target_samples", [17000, 30000])
def test_interferers(dirs, length, target_samples):
    """Length modes against their definition; the interferer is another speaker within the range of SIRs."""
    planner = MixturePlanner(interferer=Interferer([dirs["train"]], (-2.5, 2.5), length))
    have = AudioTable(dirs["train"])
    for mixture in draws(planner, 60, speaker="s01", length=target_samples):
        target, other = mixture.sources
        whole = have.num_samples(other.utt)
        expected = {"min": min(target_samples, whole), "max": max(target_samples, whole), "target": target_samples}[
            length
        ]
        assert mixture.length == expected
        assert (target.length, other.length) == (min(target_samples, expected), min(whole, expected))
        assert (other.role, target.offset, other.offset) == ("spk2", 0, 0)
        assert other.utt[:3] != "s01"
        assert -2.5 <= mixture.snr["spk2"] <= 2.5


@pytest.mark.parametrize("length", ["min", "max", "target"])
def test_the_rendered_interferer_has_its_ratio_where_both_speak(dirs, length):
    planner = MixturePlanner(interferer=Interferer([dirs["dev"]], length=length))
    audio = AudioTable(dirs["train"], dirs["dev"])
    utt = "s00-u1"
    for mixture in draws(planner, 5, utt=utt, length=audio.num_samples(utt)):
        out = render(mixture, audio)
        power = [np.mean(np.square(out[s.role][: s.length], dtype=float)) for s in mixture.sources]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(mixture.snr["spk2"], abs=0.02)


def test_data_dirs_are_those_of_noises_and_interferers(dirs):
    assert everything(dirs).data_dirs() == [dirs["train"], dirs["noise"], dirs["dev"]]


BAD = {
    "rooms and room_prob go together": {"rooms": ["ROOMS"]},
    "rooms and room_prob go together: ": {"room_prob": 0.5},
    "noise_prob is 1.5": {"noise_prob": 1.5},
    "room_prob is -1": {"rooms": ["ROOMS"], "room_prob": -1},
    r"noises\.n\.data: lists no data dir": {"noises": {"n": Noise([])}},
    "no/such/wav.scp: no such file": {"noises": {"n": Noise(["no/such"])}},
    r"noises\.n\.talkers is \(3, 2\)": {"noises": {"n": Noise(["NOISE"], talkers=(3, 2))}},
    r"noises\.n\.talkers is \(0, 2\)": {"noises": {"n": Noise(["NOISE"], talkers=(0, 2))}},
    r"noises\.n\.snr is \(5, 0\)": {"noises": {"n": Noise(["NOISE"], snr=(5, 0))}},
    r"noises\.n\.weight is 0": {"noises": {"n": Noise(["NOISE"], weight=0)}},
    "speeds are": {"speeds": [1.0, 0.0]},
    "level is 'loud'": {"level": "loud"},
    "filter_prob is 2": {"filter_prob": 2},
    r"gain_db is \(3, -3\)": {"gain_db": (3, -3)},
    r"interferer\.length is 'long'; must be min, max or target": {"interferer": Interferer(["TRAIN"], length="long")},
    r"interferer\.sir is \(5, -5\)": {"interferer": Interferer(["TRAIN"], sir=(5, -5))},
    r"interferer\.data: lists no data dir": {"interferer": Interferer([])},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments_are_named(dirs, message):
    def place(value):
        if isinstance(value, list):
            return [dirs.get(str(item).lower(), item) for item in value]
        if isinstance(value, Noise | Interferer):
            return type(value)(**{**vars(value), "data": place(value.data)})
        return {key: place(item) for key, item in value.items()} if isinstance(value, dict) else value

    with pytest.raises(InputError, match=message):
        MixturePlanner(**place(BAD[message])).open()


def test_interferers_need_speaker_labels(dirs, tmp_path):
    write_table(tmp_path / "wav.scp", DataDir(dirs["noise"]).table("wav.scp"))
    with pytest.raises(InputError, match=r"interferer\.data: no utt2spk names the speaker of noise0"):
        MixturePlanner(interferer=Interferer([str(tmp_path)])).open()


def test_filters_and_gains_change_nothing_else(dirs):
    noises = {"noise": Noise([dirs["noise"]]), "babble": Noise([dirs["train"]], talkers=(2, 3))}
    plain = draws(MixturePlanner(noises, 0.8), 60)
    other = draws(MixturePlanner(noises, 0.8, filter_prob=0.5, gain_db=(-12.0, 3.0)), 60)
    bare = [replace(m, sources=tuple(replace(s, taps=None, gain=None) for s in m.sources)) for m in other]
    assert bare == plain
    decibels = [20 * np.log10(m.sources[0].gain) for m in other]
    assert -12.01 <= min(decibels) < -9
    assert 0 < max(decibels) <= 3.01
    filtered = [m for m in other if m.sources[0].taps]
    assert 15 <= len(filtered) <= 45
    assert all(len({s.taps for s in m.sources}) == len(m.sources) for m in filtered), "each recording has its own"
    assert max(abs(tap) for m in filtered for s in m.sources for tap in s.taps) <= 3 / 8
    assert [Mixture.from_json(m.to_json()) for m in other] == other


@pytest.mark.parametrize("weights", [(2.0,), (1, 2.5, 0.3), (0.1,) * 9])
def test_kinds_are_drawn_as_by_numpy(weights):
    kinds = {str(i): Noise([], weight=weight) for i, weight in enumerate(weights)}
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    shares = np.array(weights) / sum(weights)
    assert [_drawn(ours, kinds) for _ in range(500)] == [str(theirs.choice(len(shares), p=shares)) for _ in range(500)]
    assert ours.random() == theirs.random()
