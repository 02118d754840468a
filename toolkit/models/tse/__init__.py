"""Target speaker extraction: mixture and enrolment of one speaker -> speech of that speaker."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "SpeakerExtractor",
        "dpccn": "DPCCN SDPCCN",
        "gated_crn": "GatedCRN",
        "gtcrn_extractor": "GTCRNExtractor",
        "lgr_tse": "LGRTSE",
        "sef_pnet": "SEFPNet",
        "speakerfilter": "Speakerfilter",
        "tea_pse": "TEAPSE",
        "voicefilter": "VoiceFilter",
    },
)
