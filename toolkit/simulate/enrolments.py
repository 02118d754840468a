"""Enrolments of target speaker extraction: another utterance of the target's speaker, fixed in a plan or random."""

from collections.abc import Iterable

import numpy as np

from toolkit.io.datadir import DataDir, invert, joined, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import fields
from toolkit.simulate.plan import Mixture, generator

STREAM = "enroll_spk1"  # fixed: audio of each mixture; drawn: ``*UTT SPEAKER``, any utterance of SPEAKER except UTT
FACT = "enroll"  # fact of a plan line: the enrolment utterance


class EnrolmentPool:
    """Utterances by speaker, to draw enrolments from.

    Args:
        data_dirs: formatted data dirs with ``utt2spk``.
    """

    def __init__(self, *data_dirs):
        self.data_dirs = [str(path) for path in data_dirs]
        self._of = invert(joined([DataDir(path).table("utt2spk") for path in self.data_dirs]))

    def has_another(self, speaker: str, utt: str) -> bool:
        """Whether a speaker has an utterance other than ``utt``."""
        utts = self._of.get(speaker, ())
        return len(utts) > 1 or (len(utts) == 1 and utts[0] != utt)

    def draw(self, rng: np.random.Generator, speaker: str, utt: str) -> str:
        """An utterance of a speaker other than ``utt``. Raises InputError if there is none."""
        return self.draw_several(rng, speaker, utt, 1)[0]

    def draw_several(self, rng: np.random.Generator, speaker: str, utt: str, count: int) -> list[str]:
        """``count`` utterances of a speaker other than ``utt``; repeated only if the speaker has fewer.

        Raises:
            InputError: there is none.
        """
        others = [other for other in self._of.get(speaker, ()) if other != utt]
        if not others:
            raise InputError(
                f"{utt}: {', '.join(self.data_dirs)} has no other utterance of speaker {speaker} to enrol with; leave "
                "the speaker out, or name a set that has one (enroll_from)"
            )
        drawn: list[str] = []
        left: list[str] = []
        while len(drawn) < count:
            left = left or others.copy()
            drawn.append(left.pop(int(rng.integers(len(left)))))
        return drawn

    def outsider(self, rng: np.random.Generator, inside: set[str]) -> str:
        """A speaker who is not in the mixture (``inside``: its speakers).

        Raises:
            InputError: there is none.
        """
        speakers = [speaker for speaker in self._of if speaker not in inside]
        if not speakers:
            raise InputError(
                f"{', '.join(self.data_dirs)}: has no speaker besides {some_of(sorted(inside))} to enrol as absent; "
                "add speakers, or set data.init_args.absent_prob to 0"
            )
        return speakers[int(rng.integers(len(speakers)))]

    def check(self, targets: Iterable[tuple[str, str]]) -> None:
        """Raise InputError if a speaker of (speaker, utterance) pairs has no other utterance."""
        if lone := [utt for speaker, utt in targets if not self.has_another(speaker, utt)]:
            raise InputError(
                f"{', '.join(self.data_dirs)}: {len(lone)} utterances are the only ones of their speakers, so no "
                f"enrolment is left: {some_of(lone, 5)}; remove them, or name a set with more (enroll_from)"
            )


def absent_speakers(data: DataDir, keys: Iterable[str]) -> dict[str, str]:
    """Mixture id -> another mixture of the data dir whose target is not a talker of this one.

    ``utt2interferer`` names the interferers of a mixture, separated by spaces.

    Raises:
        InputError: there is none.
    """
    keys = list(keys)
    ids, speaker = data.keys(), data.table("utt2spk")
    other = read_table(data.path / "utt2interferer", set(keys)) if "utt2interferer" in data else {}
    speakers: dict[str, str] = {}
    for key in keys:
        if key not in speaker:
            raise InputError(f"{data.path}: {key}: not in utt2spk; make the work list again")
        inside = {speaker[key], *fields(other.get(key, ""))}
        order = generator("stranger", key).permutation(len(ids))
        absent = next((ids[i] for i in order if speaker[ids[i]] not in inside), None)
        if absent is None:
            raise InputError(f"{data.path}: {key}: every target of the set is in this mixture; none can be absent")
        speakers[key] = absent
    return speakers


def target_of(mixture: Mixture) -> str:
    """The utterance of the target in a mixture."""
    return next(source.utt for source in mixture.sources if source.role == "spk1")


def planned(mixture: Mixture, speaker: str, pool: EnrolmentPool, seed: int) -> str:
    """The fixed enrolment of a mixture: the same for all conditions with this id and target."""
    utt = target_of(mixture)
    return pool.draw(generator(seed, "enrolment", mixture.id, utt), speaker, utt)
