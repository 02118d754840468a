"""Networks on audio that arrives piece by piece."""

from abc import ABC, abstractmethod

from torch import Tensor


class NetworkStream(ABC):
    """The state of a causal network between pieces of a recording; made by ``open_stream`` of a network.

    The outputs of all calls together equal ``forward`` on the whole recording.

    Attributes:
        latency: algorithmic latency in samples: sample t comes out once sample t + latency has come in, or earlier.
    """

    latency: int

    @abstractmethod
    def process(self, chunk: Tensor) -> Tensor:
        """The next samples (N,), any number -> output samples (M,) that are complete, on the same device."""

    @abstractmethod
    def flush(self) -> Tensor:
        """The rest (M,), after the last samples; at least one sample was processed."""
