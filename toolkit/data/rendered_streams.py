"""Streams of mixtures that stage 3 rendered, as training data."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture
from toolkit.simulate.render import cut

_FACTS = "noise", "snr", "interferer"  # of a rendered mixture


def without_noise(mixture: Mixture) -> Mixture:
    """The target speech of a mixture, without noise, room, filter and codec."""
    targets = tuple(replace(source, room=None, taps=None) for source in mixture.sources if source.role == "spk1")
    return replace(mixture, sources=targets, snr={}, facts={"noise": "clean"}, codec=None, kbps=None)


class RenderedStreams:
    """Mixtures rendered by stage 3, with the streams that they are the sum of; all streams are cropped alike.

    Args:
        tables: stream -> its audio.
        facts: fact -> its value by utterance, for ``noise``, ``snr`` and ``interferer``.
    """

    def __init__(self, tables: dict[str, AudioTable], facts: Mapping[str, Mapping[str, str]]):
        self._tables, self._facts = tables, facts

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self._tables)

    @classmethod
    def of(cls, data: DataDir, streams: tuple[str, ...], fs: int) -> "RenderedStreams":
        """Open the streams of a data dir.

        Raises:
            InputError: a stream is missing; the message says how to make it.
        """
        if missing := [name for name in streams if f"{name}.scp" not in data]:
            raise InputError(
                f"{data.path}/{missing[0]}.scp: no such file, but training needs {', '.join(streams)}; add noises to "
                "the training config, to mix on the fly (data.init_args.planner.noises), or render the set with its "
                f'streams (--simulate_train_config and --train_streams "{" ".join(streams)}" at stage 3)'
            )
        facts = {name: data.table(f"utt2{name}") for name in _FACTS if f"utt2{name}" in data}
        return cls({name: AudioTable(data.path, fs=fs, stream=name) for name in streams}, facts)

    def cut(self, mixture: Mixture, clean: bool) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The part of every stream that a plan line names; ``clean``: speech instead of the mixture, no noise."""
        (source,) = mixture.sources
        if clean:
            speech = cut(source, {"spk1": self._tables["spk1"]})["spk1"]
            return {"wav": speech, "spk1": speech}, mixture.facts
        known = {name: values[source.utt] for name, values in self._facts.items() if source.utt in values}
        return cut(source, self._tables), {"noise": "clean", "snr": "inf"} | known
