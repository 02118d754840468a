"""Slots of intents: values of several sets together, and faults by table and utterance."""

import pytest

from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.slots import read_slots, slots_of


def test_slots_are_in_the_order_of_the_text():
    assert [*slots_of("what=on where=here+there").items()] == [("what", "on"), ("where", "here+there")]


def test_values_of_all_sets_are_joined(tmp_path):
    write_table(tmp_path / "a/utt2intent", {"u-1": "what=on where=here", "u-2": "where=there what=on"})
    write_table(tmp_path / "b/utt2intent", {"u-3": "what=off where=here"})
    slots = read_slots([tmp_path / "a", tmp_path / "b"])
    assert slots == {"what": ["off", "on"], "where": ["here", "there"]}


@pytest.mark.parametrize("text", ["what", "what=", "=on", "what=on what=off", "what=on where=here extra=1", "what=on"])
def test_faults_name_table_and_utterance(tmp_path, text):
    write_table(tmp_path / "utt2intent", {"u-1": "what=on where=here", "u-2": text})
    with pytest.raises(InputError, match="utt2intent: u-2"):
        read_slots([tmp_path])
