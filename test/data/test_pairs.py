"""Pairs of clean and distorted speech: the same crop in all, no labels, arks as on the fly."""

import numpy as np
import pytest
from helpers.embedding_pairs import write_pairs

from toolkit.data.item import ItemSpec
from toolkit.data.pairs import AudioPairs, EmbeddingPairs, read_pairs
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.simulate.planner import Interferer, MixturePlanner, Noise
from toolkit.testing.datasets import check_dataset


def planner(corpus, snr: float, **more) -> MixturePlanner:
    return MixturePlanner({"noise": Noise([str(corpus / "raw/noise")], (snr, snr))}, **more)


@pytest.fixture
def audio(corpus):
    variants = {"quiet": planner(corpus, 100), "loud": planner(corpus, 0)}
    return AudioPairs(variants).open(str(corpus / "raw/train"), 16000, seed=4)


ROWS = np.random.default_rng(0).standard_normal((4, 2, 3, 5)).astype(np.float32)


def test_all_variants_are_of_one_crop(audio, corpus):
    """Noise 100 dB below leaves the speech as it is; at 0 dB what was added has the speech's power."""
    table = AudioTable(str(corpus / "raw/train"), fs=16000)
    for index in range(3):
        item = audio[ItemSpec(index, 1, index, 0.5)]
        clean, (loud, quiet) = item["clean"], item["variants"]
        assert np.abs(quiet - clean).max() <= 2 / 32768
        assert np.mean((loud - clean) ** 2) == pytest.approx(np.mean(clean**2), rel=0.02)
        whole = table.read(item["id"])
        starts = np.flatnonzero(whole[: len(whole) - len(clean) + 1] == clean[0])
        assert any(np.array_equal(whole[s : s + len(clean)], clean) for s in starts)


def test_a_room_is_of_its_variant_alone(corpus):
    rooms = MixturePlanner(rooms=[str(corpus / "raw/noise")], room_prob=1.0)
    pairs = AudioPairs({"room": rooms, "plain": MixturePlanner()}).open(str(corpus / "raw/train"), 16000)
    mixtures = pairs.mixtures(ItemSpec(0, 1, 0, 0.5))
    assert [s.room is not None for m in mixtures.values() for s in m.sources] == [False, False, True]
    assert len({(s.begin, s.length) for m in mixtures.values() for s in m.sources}) == 1


def test_audio_keeps_the_contract(audio):
    check_dataset(audio)


def test_embeddings_keep_the_contract(tmp_path):
    check_dataset(EmbeddingPairs().open(write_pairs(tmp_path, ROWS), 16000))


def test_every_draw_is_an_item(tmp_path):
    pairs = EmbeddingPairs().open(write_pairs(tmp_path, ROWS), 16000)
    assert pairs.ids == ["u0-1", "u0-2", "u1-1", "u1-2", "u2-1", "u2-2", "u3-1", "u3-2"]
    item = pairs[ItemSpec(5, 1, 0)]
    assert np.array_equal(item["clean"], ROWS[2, 1, 0])
    assert np.array_equal(item["variants"], ROWS[2, 1, 1:])
    assert pairs.sources("x") == [("x", ("clean", "music", "noise"))]


def test_vectors_and_labels(tmp_path):
    write_table(write_pairs(tmp_path, ROWS[:, 0]) / "utt2spk", {"u0": "b", "u1": "a", "u2": "b", "u3": "a"})
    pairs = EmbeddingPairs().open(tmp_path, 16000)
    assert pairs.ids == ["u0", "u1", "u2", "u3"]
    assert pairs.labels.tolist() == [1, 0, 1, 0]
    (tmp_path / "utt2spk").unlink()
    assert EmbeddingPairs().open(tmp_path, 16000).speakers == []


def test_some_variants(tmp_path):
    pairs = EmbeddingPairs(["noise"]).open(write_pairs(tmp_path, ROWS), 16000)
    assert np.array_equal(pairs[ItemSpec(5, 1, 0)]["variants"], ROWS[2, 1, 2:])
    assert pairs.sources("x") == [("x", ("clean", "noise"))]
    with pytest.raises(InputError, match="rain"):
        EmbeddingPairs(["rain"]).open(tmp_path, 16000)


@pytest.mark.parametrize("change", ["missing", "draws", "size", "zero", "nan", "alone", "none"])
def test_bad_embeddings_are_named(change, tmp_path):
    rows = ROWS.copy()
    if change in ("zero", "nan"):
        rows[1, 0, 1] = 0 if change == "zero" else np.nan
    write_pairs(tmp_path, rows)
    if change == "missing":
        (tmp_path / "noise.scp").write_text("".join((tmp_path / "noise.scp").read_text().splitlines(True)[:3]))
    if change == "draws":
        write_pairs(tmp_path, ROWS[:, :1, 2:], ["noise"])
    if change == "size":
        write_pairs(tmp_path, ROWS[:, :, 2:, :4], ["noise"])
    for name in {"alone": ["music", "noise"], "none": ["clean"]}.get(change, []):
        (tmp_path / f"{name}.scp").unlink()
    with pytest.raises(InputError) as fault:
        read_pairs(tmp_path)
    named = {"missing": "u3", "draws": "u0", "zero": "u1", "nan": "u1", "none": "clean.scp"}.get(change, str(tmp_path))
    assert named in str(fault.value)


@pytest.mark.parametrize("bad", ["none", "speeds", "interferer", "name"])
def test_bad_variants_are_refused(bad):
    one = {"speeds": MixturePlanner(speeds=[0.9]), "interferer": MixturePlanner(interferer=Interferer(["x"]))}
    variants = {} if bad == "none" else {"clean" if bad == "name" else "a": one.get(bad, MixturePlanner())}
    with pytest.raises(InputError, match="variants"):
        AudioPairs(variants)
