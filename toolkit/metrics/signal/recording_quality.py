"""Is a recording fit for use? Measures that need no reference: length of speech, level, clipping, bandwidth, SNR."""

from typing import NamedTuple

import numpy as np

_FRAME = 0.02  # seconds
_RANGE_DB = 30.0  # frames that are more than this below the loudest ones are pauses
_QUIET_DBFS = -55.0  # root mean square
_FLAT_RUN, _FLAT_RUNS = 3, 3  # equal extreme samples in a row; such rows
_STEP = 1 / 32768  # of 16 bits
_NARROW_HZ, _NARROW_DB = 4000.0, -50.0  # power above 4 kHz, relative to all
_SPECTRUM = 512  # samples of a window


class RecordingQuality(NamedTuple):
    """Facts of a recording.

    Attributes:
        seconds: length.
        active_seconds: of frames that are loud enough for speech.
        level_dbfs: root mean square in dB of full scale; -inf of silence.
        clipped: share of samples that lie on a flat top.
        high_band_db: power above 4 kHz in dB of all power; -inf where there is none, or the rate is 8 kHz or lower.
        snr_db: estimate of the signal-to-noise ratio in dB (:func:`estimate_snr`); NaN where there is no pause.
    """

    seconds: float
    active_seconds: float
    level_dbfs: float
    clipped: float
    high_band_db: float
    snr_db: float

    def warnings(self, fs: int, least_seconds: float = 1.0) -> list[str]:
        """What may spoil a result, a short phrase each; empty for a good recording.

        Args:
            fs: rate in Hz of the system that uses it.
            least_seconds: of active frames that the use needs.
        """
        if self.level_dbfs == -np.inf:
            return ["is digital silence"]
        faults = []
        if self.active_seconds < least_seconds:
            faults.append(f"is short: {self.active_seconds:.2f} s of sound, {least_seconds:g} s or more are good")
        if self.level_dbfs < _QUIET_DBFS:
            faults.append(f"is nearly silent: {self.level_dbfs:.0f} dB of full scale")
        if self.clipped > 0:
            faults.append(f"is clipped: {100 * self.clipped:.2g} % of its samples; record at a lower level")
        if fs > 2 * _NARROW_HZ and self.high_band_db < _NARROW_DB:
            faults.append(f"is narrow-band: it has nothing above 4 kHz; the system works at {fs} Hz")
        return faults


def recording_quality(samples: np.ndarray, fs: int) -> RecordingQuality:
    """The facts of samples (N,) in [-1, 1] at ``fs`` Hz.

    Example::

        recording_quality(np.zeros(16000), 16000).warnings(16000)  # ["is digital silence"]
    """
    x = np.asarray(samples, np.float64)
    power = _frame_powers(x, fs)
    rms = float(np.sqrt(np.square(x).mean())) if len(x) else 0.0
    silent = not len(x) or np.ptp(x) <= _STEP
    return RecordingQuality(
        seconds=len(x) / fs,
        active_seconds=0.0 if silent else min(len(x) / fs, float(_is_active(power).sum()) * _FRAME),
        level_dbfs=-np.inf if silent else 20 * np.log10(rms),
        clipped=0.0 if silent else _clipped_share(x),
        high_band_db=-np.inf if silent else _high_band_db(x, fs),
        snr_db=estimate_snr(x, fs),
    )


def estimate_snr(samples: np.ndarray, fs: int) -> float:
    """A rough estimate of the SNR in dB of speech (N,) that has pauses, in steady noise.

    The tenth of the frames with the least power is noise; active frames are speech and noise. It errs by some dB where
    noise is not steady, and is too low where pauses are rare. NaN: silence, or fewer than ten frames.
    """
    power = _frame_powers(np.asarray(samples, np.float64), fs)
    if len(power) < 10 or not power.any():
        return float("nan")
    noise = float(np.sort(power)[: len(power) // 10].mean())
    active = float(power[power >= 2 * noise].mean()) if (power >= 2 * noise).any() else noise
    if noise <= _STEP**2 / 12:  # no more than the rounding to 16 bits
        noise = _STEP**2 / 12
    return float(10 * np.log10(max(active / noise - 1, 1e-3)))


def _frame_powers(x: np.ndarray, fs: int) -> np.ndarray:
    """(T,) mean square of frames; a last, shorter frame is left out."""
    size = max(1, round(_FRAME * fs))
    frames = x[: len(x) // size * size].reshape(-1, size)
    return np.square(frames).mean(1)


def _is_active(power: np.ndarray) -> np.ndarray:
    """(T,) bool: frames within 30 dB of the loud ones."""
    if not len(power):
        return np.zeros(0, bool)
    return (power > np.quantile(power, 0.95) * 10 ** (-_RANGE_DB / 10)) & (power > _STEP**2)


def _clipped_share(x: np.ndarray) -> float:
    """Share of samples in flat tops: rows of three or more at the highest or the lowest value; three tops at least."""
    share = 0.0
    for extreme in (x.max(), x.min()):
        edges = np.flatnonzero(np.diff(np.r_[False, np.abs(x - extreme) <= _STEP / 2, False])).reshape(-1, 2)
        lengths = edges[:, 1] - edges[:, 0]
        flat = lengths[lengths >= _FLAT_RUN]
        share += flat.sum() / len(x) if len(flat) >= _FLAT_RUNS and abs(extreme) > 0.05 else 0.0
    return float(share)


def _high_band_db(x: np.ndarray, fs: int) -> float:
    """Power above 4 kHz in dB of all power."""
    if fs <= 2 * _NARROW_HZ or len(x) < _SPECTRUM:
        return -np.inf if fs <= 2 * _NARROW_HZ else 0.0
    windows = x[: len(x) // _SPECTRUM * _SPECTRUM].reshape(-1, _SPECTRUM) * np.hanning(_SPECTRUM)
    power = np.square(np.abs(np.fft.rfft(windows))).sum(0)
    high = power[np.fft.rfftfreq(_SPECTRUM, 1 / fs) > 1.1 * _NARROW_HZ].sum()
    return float(10 * np.log10(high / power.sum())) if high > 0 else -np.inf
