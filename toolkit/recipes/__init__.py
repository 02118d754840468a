"""Recipes before they run: their options, the names that follow from these, and checks; a file for each task.

``toolkit.bin.recipe`` prints them for the task scripts (``egs/TEMPLATE/<task>/<task>.sh``). Imports no torch.
"""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__, {"asr": "Asr", "ee": "Ee", "ic": "Ic", "se": "Se", "ssl": "Ssl", "sv": "Sv", "tse": "Tse"}
)
