"""SEF-PNet and its ablations."""

import torch
from torch import Tensor

from toolkit.features.complex_stft import ComplexSTFT, compress, decompress
from toolkit.io.errors import InputError
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import DPCCN, deviation
from toolkit.nn.interaction import IterativeFeatureIntegration, contextual_interaction
from toolkit.nn.mask import masked_mean

FUSIONS = ("none", "ifi")


class SEFPNet(SpeakerExtractor):
    """SEF-PNet (Huang, Guan, Wei, Long 2025, ICASSP, arXiv 2501.11274, sections II and III).

    Spectrograms of mixture and enrolment are compressed to |X|^0.5 with the phase of X (eq. 1 to 3). Contextual
    interaction (CI, eq. 4) and iterative feature integration (IFI, eq. 5 to 7) compute features of the enrolment for
    each frame of the mixture. DPCCN, with an LCA block after each encoder stage, reads them with the mixture. There is
    no speaker encoder. 6.08 M parameters, 8.50 GMACs (as thop counts) for one second.

    ``fusion: none, attention: none`` is DPCCN + CI, S1 of table I; ``fusion: ifi, attention: none`` is S2; the rows of
    table II are ``fusion: none`` with ``attention: lca``, ``se`` or ``cbam``.

    Differences to the authors' program: CI and the mean exclude padded frames of the enrolment; recordings can have one
    sample; a training batch can have one item (see :class:`toolkit.nn.attention.LocalGlobalGate`). CI depends on
    levels: for quiet recordings its weights are nearly uniform and carry no speaker information. The authors' program
    does not scale recordings, which suits a corpus of constant loudness; for other corpora use ``level``.

    Args:
        fs: sampling rate in Hz.
        window, hop: frame length and shift of the spectrogram in samples.
        compression: beta, power of the magnitude; 1: no compression.
        level: standard deviation to which mixture and enrolment are scaled, e.g. 0.1; None: no scaling.
        fusion: ``ifi``, or ``none``: DPCCN reads the output of CI.
        integration_channels: channels in the attentions of IFI.
        mix_channels: channels of the 1x1 convolution after IFI.
        attention, stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks: see
            :class:`toolkit.models.tse.dpccn.DPCCN`.

    Raises:
        InputError: ``fusion`` is unknown, ``compression`` is not in (0, 1], ``level`` not above 0, or a number of
            channels is below 1.

    Example::

        SEFPNet()(torch.randn(2, 8000), torch.randn(2, 16000)).shape  # (2, 8000)
    """

    def __init__(
        self,
        fs: int = 8000,
        window: int = 256,
        hop: int = 64,
        compression: float = 0.5,
        level: float | None = None,
        fusion: str = "ifi",
        attention: str = "lca",
        integration_channels: int = 64,
        mix_channels: int = 64,
        stem_channels: int = 16,
        dense_channels: tuple[int, ...] = (32, 32, 32),
        conv_channels: tuple[int, ...] = (64, 128, 384),
        dense_depth: int = 5,
        tcn_layers: int = 2,
        tcn_blocks: int = 10,
    ):
        super().__init__()
        if fusion not in FUSIONS:
            raise InputError(f"fusion {fusion!r}: must be one of {', '.join(FUSIONS)}")
        if not 0 < compression <= 1:
            raise InputError(f"compression {compression:g}: must be above 0, at most 1")
        if level is not None and not level > 0:
            raise InputError(f"level {level:g}: must be above 0, or null")
        if min(integration_channels, mix_channels) < 1:
            raise InputError(
                f"integration_channels {integration_channels}, mix_channels {mix_channels}: must be 1 or more"
            )
        self.fs, self.compression, self.level = fs, compression, level
        self.stft = ComplexSTFT(window, hop)
        self.integration = IterativeFeatureIntegration(2, integration_channels) if fusion == "ifi" else None
        sizes = (stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks)
        self.network = DPCCN(self.stft.bins, 4, mix_channels if self.integration else 0, *sizes, attention)

    def forward(self, mixture: Tensor, enrolment: Tensor, enrolment_lengths: Tensor | None = None) -> Tensor:
        """mixture (B, N), enrolment (B, M) samples, its lengths (B,) or None (all M) -> (B, N)."""
        with torch.autocast(mixture.device.type, enabled=False):  # STFT in full precision
            gain, enrolment_gain = self._gain(mixture), self._gain(enrolment, enrolment_lengths)
            spectrum = compress(self.stft(mixture * gain)[0], self.compression)
            enrolled, mask = self.stft(enrolment * enrolment_gain, enrolment_lengths)
            enrolled = compress(enrolled, self.compression)
            cue = contextual_interaction(spectrum, enrolled, mask)
        if self.integration is not None:
            cue = self.integration(cue, masked_mean(enrolled, mask)[..., None])
        extracted = self.network(torch.cat((spectrum, cue), dim=1))
        with torch.autocast(mixture.device.type, enabled=False):
            extracted = decompress(extracted.to(mixture.dtype), self.compression)
            return self.stft.inverse(extracted, mixture.shape[1]) / gain

    def _gain(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor | float:
        """(B, N), lengths (B,) or None -> (B, 1), the gain to the level."""
        return 1.0 if self.level is None else self.level / deviation(wav, lengths)
