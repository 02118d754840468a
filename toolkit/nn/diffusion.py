"""The noise schedule of a diffusion model over vectors, and its deterministic sampler (DDIM)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError


class DiffusionSchedule(nn.Module):
    """Scaled-linear schedule (Rombach et al., CVPR 2022): beta_t = (sqrt(b0) + t / (T - 1) (sqrt(b1) - sqrt(b0)))^2.

    Args:
        timesteps: T, number of training steps; t is from 0 to T - 1.
        betas: b0 and b1, the first and the last beta.

    Attributes:
        signal: (T,) float64, sqrt(abar_t), with abar_t the product of 1 - beta up to t.
        noise: (T,) float64, sqrt(1 - abar_t).

    Raises:
        InputError: an argument is out of its range.

    Example::

        >>> schedule = DiffusionSchedule()
        >>> round(float(schedule.signal[50] ** 2), 6)
        0.990844
    """

    signal: Tensor
    noise: Tensor

    def __init__(self, timesteps: int = 1000, betas: tuple[float, float] = (1e-4, 0.02)):
        super().__init__()
        if timesteps < 1 or not 0 < betas[0] <= betas[1] < 1:
            raise InputError(
                f"timesteps {timesteps}, betas {list(betas)}: timesteps must be 1 or more, betas two numbers above 0 "
                "and below 1, the smaller first"
            )
        first, last = (beta**0.5 for beta in betas)
        left = (1 - torch.linspace(first, last, timesteps, dtype=torch.float64).square()).cumprod(0)
        self.timesteps = timesteps
        self.register_buffer("signal", left.sqrt(), persistent=False)
        self.register_buffer("noise", (1 - left).sqrt(), persistent=False)

    def check_timestep(self, timestep: int, name: str) -> int:
        """The timestep. Raises InputError, with the argument's ``name``, if the schedule does not have it."""
        if not 0 <= timestep < self.timesteps:
            raise InputError(f"{name} {timestep}: must be from 0 to {self.timesteps - 1}")
        return timestep

    def diffuse(self, x: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """The forward process (DDPM, eq. 4; SEED, eqs. 3 and 4): sqrt(abar_t) x + sqrt(1 - abar_t) noise.

        Args:
            x, noise: (..., D).
            timestep: int64, broadcast over the leading dimensions of ``x``.
        """
        signal, spread = (table[timestep].to(x.dtype)[..., None] for table in (self.signal, self.noise))
        return signal * x + spread * noise

    def denoise(
        self, predict: Callable[[Tensor, Tensor], Tensor], x: Tensor, timesteps: Sequence[int], most: float
    ) -> Tensor:
        """The deterministic reverse process of DDIM (arXiv 2010.02502, eq. 12 with sigma = 0).

        Args:
            predict: (x_t (B, D), t (B,)) -> prediction of the clean x (B, D).
            x: (B, D) at the first of ``timesteps``.
            timesteps: descending; the last prediction is the result, so one timestep is one call of ``predict``.
            most: limit of the magnitude of predictions.
        """
        for timestep, following in zip(timesteps, [*timesteps[1:], None], strict=True):
            clean = predict(x, torch.full((len(x),), timestep, device=x.device)).clamp(-most, most)
            if following is None:
                return clean
            noise = (x - self.signal[timestep].to(x.dtype) * clean) / self.noise[timestep].to(x.dtype)
            x = self.signal[following].to(x.dtype) * clean + self.noise[following].to(x.dtype) * noise
        raise InputError("timesteps: must have one or more")


def falling_timesteps(first: int, steps: int) -> list[int]:
    """``steps`` evenly spaced timesteps from ``first`` down to 0; a single one is ``first``.

    Example::

        >>> falling_timesteps(90, 4)
        [90, 60, 30, 0]
    """
    if not 1 <= steps <= first + 1:
        raise InputError(f"steps {steps}: must be from 1 to {first + 1}, for timesteps from {first} down to 0")
    return [first - round(first * i / max(1, steps - 1)) for i in range(steps)]


def sinusoidal(timestep: Tensor, dim: int, longest: float = 1e4) -> Tensor:
    """Cosines, then sines, of a timestep at ``dim / 2`` frequencies from 1 down to 1 / ``longest`` (excluded).

    Args:
        timestep: (...,) int64.
        dim: size of the encoding, even.

    Returns:
        (..., dim) float32.
    """
    half = dim // 2
    rates = torch.exp(-torch.arange(half, device=timestep.device) / half * torch.tensor(longest).log())
    angles = timestep[..., None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], -1)
