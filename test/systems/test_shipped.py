"""The shipped models are used without a name; the extractor is useful on real speech, if CORPORA names it."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.io.datadir import read_table
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.systems import Enhancer, Extractor
from toolkit.systems.named import SHIPPED

CORPORA = os.environ.get("CORPORA", "")


@pytest.mark.parametrize("cls", [Enhancer, Extractor])
def test_it_is_the_default_of_its_class(cls):
    assert Path(cls.load().origin.path) in SHIPPED.glob("*.zip")


def mixtures(count: int):
    """(Mixture, its talkers, another recording of each) of pairs of test speakers of speechocean762, at 0 dB."""
    root = Path(CORPORA, "speechocean762")
    path_of = {path.stem: path for path in root.glob("WAVE/*/*")}
    of: dict[str, list[str]] = {}
    for utt, speaker in read_table(root / "test/utt2spk").items():
        of.setdefault(speaker, []).append(utt)
    speakers = list(of)
    for a, b in zip(speakers[:count], speakers[count : 2 * count], strict=True):
        recordings = [soundfile.read(path_of[of[s][n]])[0] for s in (a, b) for n in (0, 1)]
        length = min(len(recordings[0]), len(recordings[2]))
        talkers = [x[:length] / x[:length].std() / 20 for x in (recordings[0], recordings[2])]
        yield talkers[0] + talkers[1], talkers, [recordings[1], recordings[3]]


@pytest.mark.skipif(not Path(CORPORA, "speechocean762").is_dir() or not CORPORA, reason="CORPORA has no speechocean762")
def test_the_extractor_gives_the_enrolled_speaker():
    """Each of two talkers in turn: the output is nearer to it than the mixture and than to the other, on average."""
    extractor, gains, margins = Extractor.load(), [], []
    for mixture, talkers, voices in mixtures(6):
        for own, other, voice in ((0, 1, voices[0]), (1, 0, voices[1])):
            output = extractor.extract(mixture, voice, fs=16000)
            assert output.shape == mixture.shape
            gains.append(si_sdr(output, talkers[own]) - si_sdr(mixture, talkers[own]))
            margins.append(si_sdr(output, talkers[own]) - si_sdr(output, talkers[other]))
    assert np.mean(gains) > 1
    assert np.mean(margins) > 3
