"""What one training or inference step of a task is."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "Task",
        "registry": "TaskSpec",
    },
)
