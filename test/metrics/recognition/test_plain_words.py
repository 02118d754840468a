"""Words of texts of different conventions."""

import pytest

from toolkit.metrics.recognition.plain_words import normaliser, plain_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TURN IT ON", "turn it on"),
        ("Turn it on, please!", "turn it on please"),
        ("Don't; it's O\u2019Neill's.", "don't it's o'neill's"),
        ("'Quoted' words' end", "quoted words end"),
        ("rock-and-roll  a_b", "rock and roll a b"),
        ("\u00c4rger \u00fcber 3,5", "\u00e4rger \u00fcber 3 5"),
        ("...", ""),
    ],
)
def test_small_letters_without_punctuation(text, words):
    assert plain_words(text) == words
    assert plain_words(words) == words
    assert normaliser("words")(text) == words
    assert normaliser("none")(text) == text
