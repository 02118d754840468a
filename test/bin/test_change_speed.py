"""Commands that wav.scp files hold after utils/perturb_data_dir_speed.sh (whose tests check pitch and length)."""

import io

import numpy as np
import pytest
import soundfile

from toolkit.bin import change_speed
from toolkit.io.command_line import run


def test_all_channels_come_out_at_their_own_rate(tmp_path, capfdbinary):
    channels = np.stack([np.full(8000, 0.5), np.full(8000, -0.25)], axis=1)
    soundfile.write(tmp_path / "a.flac", channels, 22050)
    change_speed.main(["0.8", str(tmp_path / "a.flac")])
    samples, rate = soundfile.read(io.BytesIO(capfdbinary.readouterr().out))
    assert (samples.shape, rate) == ((10000, 2), 22050)
    np.testing.assert_allclose(samples[2000:8000], np.tile([0.5, -0.25], (6000, 1)), atol=1e-3)


@pytest.mark.parametrize(
    ("factor", "message"),
    [("0", "factor 0: must be a number from 0.1 to 10"), ("11", "factor 11"), ("0.9", "none.wav: no such file")],
)
def test_what_cannot_be_done_is_said(capsys, factor, message):
    assert run(change_speed.main, [factor, "none.wav"]) == 1
    assert message in capsys.readouterr().err
