"""Spoken commands with the slots of their intent: action, object, place."""

from dataclasses import dataclass

import numpy as np

from toolkit.simulate.minicorpus.voices import Speaker, utter, word_lists

SHORTEST = 1.0  # seconds of a command
NOWHERE = "none"  # value of the slot place, in a command that names none
_ACTIONS = word_lists("""
activate: TURN ON THE | SWITCH ON THE | START THE
deactivate: TURN OFF THE | SWITCH OFF THE | STOP THE
increase: TURN UP THE | INCREASE THE | RAISE THE
decrease: TURN DOWN THE | REDUCE THE | LOWER THE
bring: BRING ME THE | FETCH ME THE | GET ME THE
""")
_DEVICES = word_lists("""
lights: LIGHTS | LAMPS
heating: HEATING | RADIATORS
music: MUSIC | RADIO
fan: FAN | VENTILATION
""")
_THINGS = word_lists("""
newspaper: NEWSPAPER | MAGAZINE
shoes: SHOES | SLIPPERS
juice: JUICE | LEMONADE
blanket: BLANKET | CUSHION
""")
_PLACES = word_lists("""
kitchen: KITCHEN
bedroom: BEDROOM
garage: GARAGE
office: OFFICE
""")
_POLITE = ("", "PLEASE", "COULD YOU")


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        text: in capitals, without punctuation.
        slots: action, object, place -> value.
    """

    text: str
    slots: dict[str, str]

    @property
    def intent(self) -> str:
        """``action=activate object=lights place=kitchen``: a value of the table ``utt2intent``."""
        return " ".join(f"{slot}={value}" for slot, value in self.slots.items())


def draw_command(rng: np.random.Generator) -> Command:
    """A command of 3 to 9 words; the values of a slot are equally likely, objects among those that fit the action."""
    action, words = _draw(rng, _ACTIONS)
    thing, noun = _draw(rng, _THINGS if action == "bring" else _DEVICES)
    place, where = _draw(rng, _PLACES | {NOWHERE: [""]})
    if where:
        where = f"{'FROM' if action == 'bring' else 'IN'} THE {where}"
    parts = (_POLITE[rng.integers(len(_POLITE))], words, noun, where)
    return Command(" ".join(filter(None, parts)), {"action": action, "object": thing, "place": place})


def _draw(rng: np.random.Generator, values: dict[str, list[str]]) -> tuple[str, str]:
    """A value of a slot, and words for it."""
    value = [*values][rng.integers(len(values))]
    return value, values[value][rng.integers(len(values[value]))]


def say_command(speaker: Speaker, rng: np.random.Generator) -> tuple[np.ndarray, Command]:
    """One spoken command of 1 to 4 s: (T,) float32 at 16 kHz, and the command."""
    while True:
        command = draw_command(rng)
        samples = utter(speaker, command.text, rng, SHORTEST)
        if samples is not None:
            return samples, command
