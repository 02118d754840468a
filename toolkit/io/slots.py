"""The table ``utt2intent``: intents of spoken orders as slots, ``<utterance> action=activate object=lights``."""

from collections.abc import Iterable
from pathlib import Path

from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError
from toolkit.io.text import fields

TABLE = "utt2intent"
EXAMPLE = "action=activate object=lights"


def slots_of(text: str) -> dict[str, str]:
    """Slot -> value of an intent, as the table has it; InputError unless each word is slot=value, each slot once."""
    pairs = [word.partition("=") for word in fields(text)]
    values = {slot: value for slot, _, value in pairs}
    if not pairs or len(values) < len(pairs) or not all(all(pair) for pair in pairs):
        raise InputError(f"{text!r:.80} must be slot=value, each slot once; as {EXAMPLE}")
    return values


def read_slots(folders: Iterable[Path]) -> dict[str, list[str]]:
    """The slots of data dirs, each with its values in all of them, C-sorted.

    Raises:
        InputError: an intent is malformed, or has other slots than the first; names table and utterance.
    """
    slots: dict[str, set[str]] = {}
    for path in (folder / TABLE for folder in folders):
        for key, text in read_table(path).items():
            try:
                values = slots_of(text)
            except InputError as error:
                raise InputError(f"{path}: {key}: {error}") from None
            if slots and values.keys() != slots.keys():
                raise InputError(f"{path}: {key}: slots {' '.join(values)}; others have {' '.join(slots)}")
            for slot, value in values.items():
                slots.setdefault(slot, set()).add(value)
    return {slot: c_sorted(values) for slot, values in slots.items()}
