"""Kinds of tasks: their registry, their training step, and a room for each family of them."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "Task",
        "registry": "TaskSpec",
    },
)
