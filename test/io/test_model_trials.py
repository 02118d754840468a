import numpy as np
import pytest

from toolkit.io.enrolment import draw_models
from toolkit.io.errors import InputError
from toolkit.io.model_trials import count_pairs, make_model_trials

UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(8) for u in range(7)}
SPK2GENDER = {f"s{s}": "m" if s < 5 else "f" for s in range(8)}
MODELS = draw_models(UTT2SPK, 3)


def pairs_of(trials, models=MODELS):
    """Checked pairs: (speaker, speaker, is target)."""
    actual = list(trials.pairs())
    assert len(set(actual)) == len(actual)
    for model, utt in actual:
        assert utt not in models[model]
    return [(UTT2SPK[models[m][0]], UTT2SPK[u], bool(t)) for (m, u), t in zip(actual, trials.is_target, strict=True)]


@pytest.mark.parametrize("listed", [0, 1 << 22])
def test_trials_are_as_asked_for(monkeypatch, listed):
    monkeypatch.setattr("toolkit.io.model_trials._LISTED", listed)
    trials = make_model_trials(MODELS, UTT2SPK, 100, targets_per_speaker=5, spk2gender=SPK2GENDER, seed=2)
    actual = pairs_of(trials)
    assert all((a == b) == target for a, b, target in actual)
    assert [target for _, _, target in actual] == [True] * 40 + [False] * 100
    assert sum(SPK2GENDER[a] == SPK2GENDER[b] for a, b, target in actual if not target) == 50
    targets = [a for a, _, target in actual if target]
    assert {targets.count(spk) for spk in SPK2GENDER} == {5}


def test_all_pairs_there_are():
    available, possible = count_pairs(MODELS, UTT2SPK)
    assert (set(available.values()), possible) == ({2 * 4}, 16 * 49)
    trials = make_model_trials(MODELS, UTT2SPK, possible, targets_per_speaker=1000)
    assert int(trials.is_target.sum()) == 8 * 8
    assert len(pairs_of(trials)) == 8 * 8 + possible
    with pytest.raises(InputError, match=r"785 nontarget pairs requested, models and utterances give 784"):
        make_model_trials(MODELS, UTT2SPK, possible + 1, targets_per_speaker=1)


def test_nearly_all_pairs_are_found_by_chance_too(monkeypatch):
    monkeypatch.setattr("toolkit.io.model_trials._LISTED", 0)
    assert len(pairs_of(make_model_trials(MODELS, UTT2SPK, 780, targets_per_speaker=1))) == 788


def test_the_seed_decides():
    one, same, other = (make_model_trials(MODELS, UTT2SPK, 30, targets_per_speaker=3, seed=seed) for seed in (1, 1, 2))
    assert list(one.pairs()) == list(same.pairs()) != list(other.pairs())


def test_a_model_called_as_an_utterance_is():
    models = {"s1-6": MODELS["s0-model0"], **MODELS}
    trials = make_model_trials(models, UTT2SPK, 300, targets_per_speaker=50)
    assert len(trials.ids) == len(set(trials.ids))
    actual = pairs_of(trials, models)
    assert all((a == b) == target for a, b, target in actual)


def test_a_speaker_without_gender():
    with pytest.raises(InputError, match="spk2gender: lacks s7"):
        make_model_trials(
            MODELS, UTT2SPK, 9, targets_per_speaker=1, spk2gender={s: "m" for s in SPK2GENDER if s != "s7"}
        )


def test_indices_are_small():
    trials = make_model_trials(MODELS, UTT2SPK, 9, targets_per_speaker=1)
    assert trials.enroll.dtype == trials.test.dtype == np.int32
