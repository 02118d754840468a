"""Made-up speakers, their sentences and utterances."""

import sys
from dataclasses import replace
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.simulate.minicorpus import espeak, voices
from toolkit.simulate.minicorpus.voices import draw_sentence, draw_speakers, say


def pitch(samples: np.ndarray) -> float:
    """Hz, by the median over frames of the autocorrelation's peak between 60 and 350 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::512]
    frames = frames[frames.std(axis=1) > frames.std(axis=1).mean()]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames * np.hanning(1024), 2048)) ** 2)
    return float(np.median(16000 / (45 + correlation[:, 45:266].argmax(axis=1))))


def test_what_was_said_before_leaves_no_trace():
    first = espeak.speak("the first sentence", "en+f5")
    espeak.speak("quite another one", "en-us+m1")
    np.testing.assert_array_equal(espeak.speak("the first sentence", "en+f5"), first)


def test_faster_speech_is_shorter_and_an_unknown_language_is_refused():
    slow, fast = (len(espeak.speak("the first sentence", "en", words_per_minute=rate)) for rate in (120, 240))
    assert fast == pytest.approx(slow / 2, rel=0.2)
    with pytest.raises(InputError, match="zz"):
        espeak.speak("text", "zz")


def test_missing_synthesiser_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(InputError, match="espeakng-loader.*tools/install.sh"):
        espeak.speak("text", "en")


def test_all_accents_and_variants_exist():
    # An unknown variant would be ignored without a word.
    present = {path.name for path in (Path(espeakng_loader.get_data_path()) / "voices/!v").iterdir()}
    assert present >= {variant for variants in voices.VARIANTS.values() for variant in variants}
    assert all(len(espeak.speak("word", accent)) for accent in voices.ACCENTS)


def test_speakers_are_spread_and_balanced():
    speakers = draw_speakers(100, seed=1)
    assert len({(s.voice, s.pitch, s.warp) for s in speakers}) == 100
    women = [s for s in speakers[:40] if s.gender == "f"]
    assert len(women) == 20
    tilts = np.sort([s.tilt for s in speakers if s.gender == "m"])
    assert (np.abs(tilts - np.linspace(-2.45, 2.45, 50)) <= 0.05).all()  # one in each fiftieth of -2.5..2.5
    assert draw_speakers(100, seed=2) != speakers == draw_speakers(100, seed=1)


def test_sentences_are_plain_words():
    sentences = [draw_sentence(np.random.default_rng(seed)) for seed in range(200)]
    assert all(word.isalpha() and word.isupper() for sentence in sentences for word in sentence.split())
    assert {len(sentence.split()) for sentence in sentences} <= set(range(6, 16))
    assert len(set(sentences)) == 200


def test_women_speak_higher_than_men():
    woman, man = draw_speakers(2, seed=0)
    assert (woman.gender, man.gender) == ("f", "m")
    f0 = {s.gender: [pitch(say(s, np.random.default_rng(u))[0]) for u in range(3)] for s in (woman, man)}
    assert max(f0["m"]) < 160 < min(f0["f"])


def test_utterances_of_a_speaker_vary_in_level_by_6_db():
    speaker = replace(draw_speakers(1, seed=0)[0], tilt=0.0)
    levels = [20 * np.log10(say(speaker, np.random.default_rng(u))[0].std()) for u in range(20)]
    assert -20.1 - 6 <= min(levels) < -24
    assert -22 < max(levels) <= -19.9
