"""Complex spectrograms against torch.stft, explicit sums and hand-worked numbers."""

import math

import pytest
import scipy.signal
import torch

from toolkit.features.complex_stft import ComplexSTFT, compress, decompress, magnitude
from toolkit.io.errors import InputError

SIZES = [(256, 64), (512, 128), (256, 128), (200, 60), (100, 7), (15, 4), (2, 1)]
every_size = pytest.mark.parametrize(("window", "hop"), SIZES)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_size
def test_it_is_the_transform_of_torch_on_the_padded_recording(window, hop):
    stft, wav = ComplexSTFT(window, hop).double(), noise(2, 1003)
    taper = torch.from_numpy(scipy.signal.get_window("hann", window)).sqrt()
    padded = torch.nn.functional.pad(wav, (window - hop, 3 * window))
    expected = torch.stft(padded, window, hop, window=taper, center=False, return_complex=True)
    actual, mask = stft(wav)
    frames = actual.shape[3]
    assert actual.shape == (2, 2, window // 2 + 1, stft.num_frames(1003))
    torch.testing.assert_close(torch.complex(actual[:, 0], actual[:, 1]), expected[..., :frames], atol=1e-5, rtol=1e-5)
    assert mask is None


@every_size
def test_a_window_of_hann_itself(window, hop):
    stft, wav = ComplexSTFT(window, hop, "hann").double(), noise(2, 301)
    padded = torch.nn.functional.pad(wav, (window - hop, 3 * window))
    taper = torch.from_numpy(scipy.signal.get_window("hann", window))
    expected = torch.stft(padded, window, hop, window=taper, center=False, return_complex=True)
    actual = stft(wav)[0]
    expected = torch.stack((expected.real, expected.imag), 1)[..., : actual.shape[3]]
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(stft.inverse(actual, 301), wav, atol=1e-10, rtol=0)
    with pytest.raises(InputError, match="shape 'hamming': must be one of sqrt_hann, hann"):
        ComplexSTFT(window, hop, "hamming")


def test_frames_are_those_of_the_authors():
    """(n + 2 (window - hop) - window) / hop + 1: 128 of one second at 8 kHz, 503 of four; 65 with frames of 64 ms."""
    assert [ComplexSTFT(256, 64)(torch.zeros(1, n))[0].shape[3] for n in (8000, 32000)] == [128, 503]
    assert ComplexSTFT(512, 128)(torch.zeros(1, 8000))[0].shape[3] == 65
    for n in range(1, 500):
        assert ComplexSTFT(256, 64).num_frames(n) == (n + 2 * 192 - 256) // 64 + 1


@every_size
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000])
def test_there_and_back(window, hop, length):
    stft, wav = ComplexSTFT(window, hop).double(), noise(3, length)
    spectrum = stft(wav)[0]
    assert spectrum.shape[3] >= 2
    torch.testing.assert_close(stft.inverse(spectrum, length), wav, atol=1e-12, rtol=0)
    single = ComplexSTFT(window, hop)
    back = single.inverse(single(wav.float())[0], length)
    torch.testing.assert_close(back, wav.float(), atol=1e-5, rtol=0)


@every_size
def test_the_way_back_is_overlap_add_by_the_sum_of_squares(window, hop):
    """In an explicit loop, of a spectrogram that no recording has."""
    stft, length = ComplexSTFT(window, hop).double(), 3 * window + 5
    frames, taper = stft.num_frames(length), stft.taper
    spectrum = noise(1, 2, window // 2 + 1, frames)
    total = torch.zeros((frames - 1) * hop + window, dtype=torch.float64)
    weight = torch.zeros_like(total)
    for t in range(frames):
        piece = torch.fft.irfft(torch.complex(*spectrum[0, :, :, t]), window)
        total[t * hop : t * hop + window] += taper * piece
        weight[t * hop : t * hop + window] += taper**2
    inside = slice(window - hop, window - hop + length)
    assert weight[inside].min() > 0.4  # an error in the spectrogram is nowhere blown up, not at the ends either
    torch.testing.assert_close(stft.inverse(spectrum, length)[0], (total / weight)[inside])


def test_padding_does_not_count():
    stft, wav = ComplexSTFT(64, 16), noise(5, 300).float()
    lengths = torch.tensor([300, 299, 64, 17, 1])
    alone = [stft(row[None, :n])[0][0] for row, n in zip(wav, lengths, strict=True)]
    for row, n in zip(wav, lengths, strict=True):
        row[n:] = 1e3
    spectra, mask = stft(wav, lengths)
    for spectrum, valid, single in zip(spectra, mask, alone, strict=True):
        frames = single.shape[2]
        assert valid.tolist() == [True] * frames + [False] * (spectrum.shape[2] - frames)
        torch.testing.assert_close(spectrum[..., :frames], single)


@pytest.mark.parametrize(("window", "hop"), [(256, 129), (256, 0), (1, 1)])
def test_a_hop_that_does_not_go(window, hop):
    with pytest.raises(InputError, match=f"hop {hop}: must be from 1 to"):
        ComplexSTFT(window, hop)


def test_compression_by_hand():
    """|3 + 4i| = 5: the root is sqrt(5) in the direction 0.6 + 0.8i."""
    spectrum = torch.tensor([3.0, 4.0], dtype=torch.float64).view(1, 2, 1, 1)
    rooted = compress(spectrum, 0.5)
    assert rooted.flatten().tolist() == pytest.approx([0.6 * math.sqrt(5), 0.8 * math.sqrt(5)])
    assert decompress(spectrum, 0.5).flatten().tolist() == pytest.approx([0.6 * 25, 0.8 * 25])
    assert magnitude(spectrum).item() == 5
    assert torch.equal(compress(spectrum, 1.0), spectrum)


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_decompression_undoes_compression_at_every_level(power):
    spectrum = noise(1, 2, 3, 40) * 10.0 ** torch.linspace(-12, 3, 40)
    torch.testing.assert_close(decompress(compress(spectrum, power), power), spectrum, atol=0, rtol=1e-9)


def test_the_phase_is_kept():
    spectrum = noise(1, 2, 5, 50)
    for changed in (compress(spectrum, 0.5), decompress(spectrum, 0.5)):
        torch.testing.assert_close(
            torch.atan2(changed[:, 1], changed[:, 0]), torch.atan2(spectrum[:, 1], spectrum[:, 0])
        )


@pytest.mark.parametrize("function", [lambda x: compress(x, 0.5), lambda x: decompress(x, 0.5), magnitude])
def test_gradients(function):
    """Right where there is sound, finite where there is none."""
    spectrum = noise(1, 2, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(function, (spectrum,))
    silence = torch.zeros(1, 2, 2, 3, requires_grad=True)
    function(silence).sum().backward()
    assert silence.grad.isfinite().all()


def test_gradients_go_through_the_transform_and_back():
    stft, wav = ComplexSTFT(8, 3).double(), noise(1, 20).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: stft.inverse(decompress(compress(stft(x)[0], 0.5), 0.5) ** 2, 20), (wav,))
