"""The trainer: loop, checkpoints, schedules, run log."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "checkpoint": "Checkpoints",
        "runlog": "RunLog",
        "schedule": "Constant Plateau Schedule StepDecay WarmupCosine WarmupStep",
        "trainer": "Trainer",
    },
)
