"""Readers and writers of the data contracts: data dirs, audio, arks, trials. Imports no torch."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "ark": "ArkWriter AudioEntry MatrixEntry",
        "audio": "AudioInfo AudioTable",
        "config": "ConfigParser load_config",
        "datadir": "DataDir",
        "errors": "InputError",
        "scores": "Scores",
        "trials": "Trials",
    },
)
