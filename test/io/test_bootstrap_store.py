import numpy as np
import pytest

from toolkit.io.bootstrap_store import identity_of, read_samples, write_samples
from toolkit.io.errors import InputError
from toolkit.io.trials import Trials


def trials(labels=(1, 0)):
    return Trials(["a", "b", "c"], np.array([0, 0]), np.array([1, 2]), np.array(labels, bool))


def test_what_is_written_is_read(tmp_path):
    draws = {"eer": np.array([0.25, np.nan]), "min_dcf_0.01": np.array([1.0, 0.5])}
    identity = identity_of(trials(), ["s", "t"], 3, 2)
    write_samples(tmp_path / "draws.npz", draws, identity)
    actual, whose = read_samples(tmp_path / "draws.npz")
    assert whose == identity
    assert list(actual) == list(draws)
    np.testing.assert_array_equal(actual["eer"], draws["eer"])


def test_the_same_content_makes_the_same_file(tmp_path):
    for name in ("one", "two"):
        write_samples(tmp_path / name, {"eer": np.zeros(3)}, identity_of(trials(), ["s"], 0, 3))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_identity_tells_trials_speakers_and_settings_apart():
    base = (trials(), ["s", "t"], 0, 10)
    others = [(trials((0, 1)), *base[1:]), (base[0], ["s", "u"], 0, 10), (*base[:2], 1, 10), (*base[:3], 11)]
    assert identity_of(*base) == identity_of(trials(), ["s", "t"], 0, 10)
    for other in others:
        assert identity_of(*other) != identity_of(*base)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / "draws.npz").write_bytes(content)
    with pytest.raises(InputError, match="draws.npz: holds no bootstrap samples"):
        read_samples(tmp_path / "draws.npz")
