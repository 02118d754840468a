"""Streams of mixtures that stage 3 rendered, as training data."""

from dataclasses import replace

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture
from toolkit.simulate.render import cut


def without_noise(mixture: Mixture) -> Mixture:
    """The target speech of a mixture, without noise, room and codec."""
    targets = tuple(replace(source, room=None) for source in mixture.sources if source.role == "spk1")
    return replace(mixture, sources=targets, snr={}, facts={"noise": "clean"}, codec=None, kbps=None)


class RenderedStreams:
    """Mixtures rendered by stage 3, with the streams that they are the sum of; all streams are cropped alike.

    Args:
        tables: stream -> its audio.
        facts: utterance -> facts of its mixture.
    """

    def __init__(self, tables: dict[str, AudioTable], facts: dict[str, dict[str, str]]):
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
        noise, snr = (data.table(name) if name in data else {} for name in ("utt2noise", "utt2snr"))
        facts = {key: {"noise": noise.get(key, "clean"), "snr": snr.get(key, "inf")} for key in data.keys()}
        for key, others in (data.table("utt2interferer") if "utt2interferer" in data else {}).items():
            facts[key]["interferer"] = others
        return cls({name: AudioTable(data.path, fs=fs, stream=name) for name in streams}, facts)

    def cut(self, mixture: Mixture, clean: bool) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The part of every stream that a plan line names; ``clean``: speech instead of the mixture, no noise."""
        (source,) = mixture.sources
        if clean:
            speech = cut(source, {"spk1": self._tables["spk1"]})["spk1"]
            return {"wav": speech, "spk1": speech}, mixture.facts
        return cut(source, self._tables), self._facts[source.utt]
