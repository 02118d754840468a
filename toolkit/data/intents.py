"""Intents of spoken orders: a value for each slot, ``action=activate object=lights location=kitchen``."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from toolkit.data.matched_table import read_matched
from toolkit.io.errors import InputError, nearest, some_of
from toolkit.io.slots import EXAMPLE, TABLE
from toolkit.io.text import fields

INTENT = "intent"  # the stream of values' numbers
_WORD = re.compile(r"[\w+-]+")  # what a config from elsewhere may hold (toolkit.io.trust)


class Intents:
    """The slots of an order and their values; encodes the table ``utt2intent``.

    Args:
        slots: slot -> its values, two or more; a slot that an order may lack has a value for that, e.g. ``none``.

    Raises:
        InputError: no slots, a slot with fewer values or with one twice, or a word of other characters than letters,
            digits, ``_``, ``-`` and ``+``.

    Example::

        intents = Intents({"action": ["activate", "deactivate"], "object": ["lights", "music"]})
        intents.parse("action=activate object=music")  # {'action': 'activate', 'object': 'music'}
    """

    table = TABLE

    def __init__(self, slots: Mapping[str, Sequence[str]]):
        if not slots:
            raise InputError("model.init_args.slots: must name the slots and the values of each")
        for slot, values in slots.items():
            words = [slot, *values]
            if bad := [word for word in words if not (isinstance(word, str) and _WORD.fullmatch(word))]:
                raise InputError(
                    f"model.init_args.slots.{slot}: {bad[0]!r:.40} must be a word of letters, digits, _, - and +"
                )
            if len(set(values)) < max(2, len(values)):
                raise InputError(f"model.init_args.slots.{slot}: must have two values or more, each once")
        self.slots = {slot: tuple(values) for slot, values in slots.items()}

    def parse(self, text: str) -> dict[str, str]:
        """Slot -> value, in the order of the slots.

        Raises:
            InputError: a slot is missing, unknown or there twice, or a value is unknown.
        """
        pairs = [word.partition("=")[::2] for word in fields(text)]
        values = dict(pairs)
        if len(values) < len(pairs) or values.keys() != self.slots.keys():
            raise InputError(f"{text!r:.80}: must give each slot once: {some_of(self.slots)}; as {EXAMPLE}")
        for slot, value in values.items():
            if value not in self.slots[slot]:
                known = self.slots[slot]
                raise InputError(
                    f"{slot}={value}: unknown value{nearest(value, known)}; must be one of {some_of(known)}"
                )
        return {slot: values[slot] for slot in self.slots}

    def targets(self, path, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """Utterance -> number of the value of each slot, (S,) int64, of a data dir.

        Raises:
            InputError: the table is missing, of other utterances, or an intent is malformed (:meth:`parse`).
        """
        table, encoded = read_matched(path, TABLE, keys, "intent"), {}
        for key, text in table.items():
            try:
                values = self.parse(text)
            except InputError as error:
                raise InputError(f"{path}/{TABLE}: {key}: {error}") from None
            encoded[key] = np.array([self.slots[slot].index(value) for slot, value in values.items()], np.int64)
        return encoded

    def text_of(self, numbers: Iterable[int]) -> str:
        """The intent with these numbers of values (S,), as the table has it."""
        return " ".join(f"{slot}={values[i]}" for (slot, values), i in zip(self.slots.items(), numbers, strict=True))
