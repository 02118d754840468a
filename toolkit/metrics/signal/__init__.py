"""Metrics of enhanced and extracted speech, and their registry."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "intrusive": "Undefined estoi pesq sdr si_sdr stoi wave_snr",
        "over_suppression": "over_suppressed tsos",
        "registry": "METRICS compute",
        "timing": "frame_labels frame_scores timing_scores",
        "voice_activity": "speech_intervals",
    },
)
