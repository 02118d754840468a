"""The trainer: loop, checkpoints, schedules, run log."""
