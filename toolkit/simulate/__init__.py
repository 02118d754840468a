"""Mixture plans and their rendering; imports no torch."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "codecs": "Codec",
        "enrolments": "EnrolmentPool",
        "plan": "Mixture Source read_plan write_plan",
        "planner": "Interferer MixturePlanner Noise",
        "recordings": "Recordings",
        "render": "SilentSource",
        "rooms": "Room",
    },
)
