"""SEF-PNet, and the steps that lead to it."""

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

    Spectrograms of mixture and enrolment, compressed to |X|^0.5 with the phase kept (eq. 1 to 3); what the enrolment
    says to each frame of the mixture, by contextual interaction (eq. 4) and iterative feature integration (eq. 5 to 7),
    beside the mixture's; DPCCN with an LCA block behind each encoder stage; decompressed, back to audio. There is no
    speaker encoder. 6.08 M parameters, 8.50 G multiply-accumulates (as thop counts) for one second.

    ``fusion: none, attention: none`` is DPCCN + CI, S1 of table I; ``fusion: ifi, attention: none`` is S2; the rows of
    table II are ``fusion: none`` with ``attention: lca``, ``se`` or ``cbam``.

    More than the authors' program does: padded frames of the enrolment count neither in CI nor in the mean; recordings
    may be as short as one sample; a training batch may be of one (see :class:`toolkit.nn.attention.LocalGlobalGate`).
    CI is not blind to levels: where recordings are soft, its weights are nearly even, and tell nothing of the speaker.
    The authors' program takes them as they are, which suits a corpus of one loudness; for others there is ``level``.

    Args:
        fs: rate in Hz.
        window, hop: of the spectrogram, samples.
        compression: power of the magnitude, beta; 1 compresses nothing.
        level: standard deviation that mixture and enrolment are brought to, e.g. 0.1; None leaves them as they are.
        fusion: ``ifi``, or ``none``: DPCCN is given the contextual interaction itself.
        integration_channels: inside the attentions of IFI.
        mix_channels: of the 1x1 convolution behind IFI, which exists only with IFI.
        attention, stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks: see
            :class:`toolkit.models.tse.dpccn.DPCCN`.

    Raises:
        InputError: ``fusion`` is unknown, ``compression`` is not in (0, 1], ``level`` not above 0, or a number of
            channels is below 1.
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
            raise InputError(f"fusion {fusion!r}: it can be {', '.join(FUSIONS)}")
        if not 0 < compression <= 1:
            raise InputError(f"compression {compression:g}: it can be above 0, up to 1")
        if level is not None and not level > 0:
            raise InputError(f"level {level:g}: it can be above 0, or null")
        if min(integration_channels, mix_channels) < 1:
            raise InputError(
                f"integration_channels {integration_channels}, mix_channels {mix_channels}: 1 or more each"
            )
        self.fs, self.compression, self.level = fs, compression, level
        self.stft = ComplexSTFT(window, hop)
        self.integration = IterativeFeatureIntegration(2, integration_channels) if fusion == "ifi" else None
        sizes = (stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks)
        self.network = DPCCN(self.stft.bins, 4, mix_channels if self.integration else 0, *sizes, attention)

    def forward(self, mixture: Tensor, enrolment: Tensor, enrolment_lengths: Tensor | None = None) -> Tensor:
        """mixture (B, N), enrolment (B, M) samples, its lengths (B,) or None for all M -> (B, N)."""
        with torch.autocast(mixture.device.type, enabled=False):  # mixed precision is for the network
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
        """(B, N), lengths (B,) or None -> (B, 1), what brings it to the level."""
        return 1.0 if self.level is None else self.level / deviation(wav, lengths)
