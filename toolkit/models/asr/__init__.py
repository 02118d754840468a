"""Speech recognition: waveform to text."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "SpeechRecognizer",
        "blstm_ctc": "BlstmCtc",
        "conformer": "Conformer",
        "ctc_search": "CtcPrefixScorer ctc_greedy ctc_prefix_beam",
        "joint_search": "joint_beam",
        "transcriber": "Transcriber",
    },
)
