"""Words of texts of different conventions, so that a recogniser can be scored on transcripts of another corpus."""

import re
from collections.abc import Callable
from importlib import import_module

from toolkit.io.libraries import find_library

_NOT_WORDS = re.compile(r"[^\w\s']|_|(?<!\w)'|'(?!\w)")


def plain_words(text: str) -> str:
    """Small letters without punctuation, apart from apostrophes in words.

    Example:
        >>> plain_words("Turn it ON, don't wait.")
        "turn it on don't wait"
    """
    return " ".join(_NOT_WORDS.sub(" ", text.replace("\u2019", "'").lower()).split())


def normaliser(name: str) -> Callable[[str], str]:
    """How texts are compared: ``none``, as they are written; ``words``, by :func:`plain_words`; ``english``, by
    Whisper's normaliser, for which numbers, contractions and spellings are the same however they are written.

    Raises:
        InputError: openai-whisper is not installed.
    """
    if name == "english":
        find_library("whisper", "whisper")
        english = import_module("whisper.normalizers").EnglishTextNormalizer()
        return lambda text: " ".join(english(text).split())
    return plain_words if name == "words" else str
