"""Target speaker extraction: a mixture and an enrolment of one speaker to that speaker's speech."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "SpeakerExtractor",
        "dpccn": "DPCCN SDPCCN",
        "gated_crn": "GatedCRN",
        "lgr_tse": "LGRTSE",
        "sef_pnet": "SEFPNet",
        "speakerfilter": "Speakerfilter",
        "tea_pse": "TEAPSE",
        "voicefilter": "VoiceFilter",
    },
)
