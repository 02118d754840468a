"""What a speaker extractor promises, so that every recipe, loss and metric works with it."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class SpeakerExtractor(nn.Module, ABC):
    """From a mixture and an enrolment of one speaker to what that speaker says in it.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults::

        model:
          class_path: my_package.my_module.MyExtractor
          init_args: {fs: 8000, channels: 64}

    It sets ``fs`` (Hz, of mixture, enrolment and output) in its constructor and writes ``forward``. The promises which
    training, inference and scoring rely on: any N >= 1 and M >= 1 go in, the same N comes out; with
    ``enrolment_lengths``, in eval mode, an enrolment padded at its end gives what it gives alone; silence in gives
    finite numbers and finite gradients out.
    """

    fs: int

    @abstractmethod
    def forward(self, mixture: Tensor, enrolment: Tensor, enrolment_lengths: Tensor | None = None) -> Tensor:
        """Extract the enrolled speaker.

        Args:
            mixture: (B, N) samples in [-1, 1), all of them valid.
            enrolment: (B, M) samples of the wanted speaker, padded at the end with anything finite.
            enrolment_lengths: (B,) int64 samples of each enrolment, 1 to M; None says that all have M.

        Returns:
            (B, N) samples.
        """
