"""What the maker of outputs declares reaches their scores."""

import pytest

from toolkit.io.errors import InputError
from toolkit.io.variants import NAME, carry_variant, declare_variant, read_variant


def test_declared_carried_and_no_longer_declared(tmp_path):
    outputs, scores = tmp_path / "enhanced_beta0.2/test", tmp_path / "metrics/test"
    assert read_variant(outputs) == {}
    for value, expected in ((0.2, {"parameter": "observation", "value": 0.2}), (None, {})):
        declare_variant(outputs.parent, ["test"], "observation", value)
        carry_variant(outputs, scores)
        assert read_variant(outputs) == read_variant(scores) == expected


@pytest.mark.parametrize("text", ["", "[]", '{"parameter": "observation"}', '{"parameter": 1, "value": 2}'])
def test_malformed(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(InputError, match=NAME):
        read_variant(tmp_path)
