"""Folders of recordings, as a user has them."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def folder(tmp_path):
    """Ten speakers with three files each, five noises."""
    for speaker in range(10):
        for utt in range(3):
            path = tmp_path / f"speech/talker{speaker}/s {utt}/a.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, np.zeros(160), 16000)
    for noise in range(5):
        path = tmp_path / f"noise/deep/n{noise}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(160), 16000)
    return tmp_path
