"""Speaker verification: training, trials, calibration."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "verification_task": "VerificationTask",
    },
)
