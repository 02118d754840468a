"""Room banks against geometry and the decay that was asked for."""

import numpy as np
import pytest
import soundfile

from toolkit.io.errors import InputError
from toolkit.simulate.rooms import direct_path, draw_room, make_rooms, simulate_rirs


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    outdir = tmp_path_factory.mktemp("rooms")
    return outdir, make_rooms(outdir, 8, seed=1)


def decay_time(rir: np.ndarray) -> float:
    """RT60 in s from -5 to -25 dB of Schroeder's backward integral (JASA 37, 1965)."""
    energy = np.cumsum(rir[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0])
    part = np.flatnonzero((level < -5) & (level > -25))
    return -60 / np.polyfit(part / 16000, level[part], 1)[0]


def test_direct_path_comes_when_sound_has_crossed_the_distance(bank):
    outdir, facts = bank
    for row in facts:
        rir, _ = soundfile.read(outdir / row["path"])
        assert direct_path(rir) == pytest.approx(float(row["distance"]) / 343 * 16000, abs=2)


def test_decay_is_about_what_was_asked(bank):
    outdir, facts = bank
    ratios = [decay_time(soundfile.read(outdir / row["path"])[0]) / float(row["rt60"]) for row in facts]
    assert min(ratios) > 0.6
    assert max(ratios) < 1.5
    assert np.median(ratios) == pytest.approx(1, abs=0.2)


def test_rooms_obey_the_placement_rules():
    for seed in range(200):
        room = draw_room(np.random.default_rng(seed), sources=3)
        for place in (room.microphone, *room.sources):
            assert all(0.5 <= x <= side - 0.5 for x, side in zip(place, room.size, strict=True))
        assert all(0.5 <= metres <= 4 for metres in room.distances())
        assert 0.2 <= room.rt60 <= 0.8


def test_same_seed_same_response():
    room = draw_room(np.random.default_rng(0), sources=2)
    for one, two in zip(simulate_rirs(room, 5), simulate_rirs(room, 5), strict=True):
        np.testing.assert_array_equal(one, two)


def test_lost_room_is_made_again_and_others_are_kept(bank):
    outdir, facts = bank
    lost, kept = outdir / facts[0]["path"], outdir / facts[-1]["path"]
    before, stamp = soundfile.read(lost)[0], kept.stat().st_mtime_ns
    lost.unlink()
    assert make_rooms(outdir, 8, seed=1) == facts
    np.testing.assert_array_equal(soundfile.read(lost)[0], before)
    assert kept.stat().st_mtime_ns == stamp


def test_prefixes_and_seeds_make_other_rooms(bank, tmp_path):
    sizes = {row["length"] for row in bank[1]}
    for number, (seed, prefix) in enumerate(((2, "room"), (1, "other"))):
        rows = make_rooms(tmp_path / str(number), 2, seed, prefix, sources=1)
        assert not sizes & {row["length"] for row in rows}


def test_direct_path_is_the_first_arrival_not_the_peak():
    rir = np.array([0, 0.1, 0.5, 0, -1, 0.7])
    assert direct_path(rir) == 2
    assert direct_path(-rir) == 2
    assert direct_path(rir, fraction=0.6) == 4


@pytest.mark.parametrize("bad", [{"count": 0}, {"rt60": (0.5, 0.2)}, {"rt60": (0.05, 0.06)}, {"distance": (5.0, 6.0)}])
def test_impossible_wishes_are_refused(tmp_path, bad):
    with pytest.raises(InputError):
        make_rooms(tmp_path, **{"count": 1, "seed": 0, **bad})
