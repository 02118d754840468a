"""The diffusion schedule against the formula written down with numpy, and against diffusers where it is installed."""

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.diffusion import DiffusionSchedule, falling_timesteps, sinusoidal

BETAS = np.linspace(1e-4**0.5, 0.02**0.5, 1000) ** 2
ABAR = np.cumprod(1 - BETAS)


def test_published_values():
    schedule = DiffusionSchedule()
    assert float(schedule.signal[50]) ** 2 == pytest.approx(0.990844, abs=5e-7)
    assert float(schedule.noise[50]) == pytest.approx(0.095688, abs=5e-7)
    assert float(schedule.signal[999]) ** 2 == pytest.approx(7.33e-4, rel=1e-3)
    assert schedule.signal.square().numpy() == pytest.approx(ABAR, rel=1e-9)


def test_forward_process():
    """SEED, eq. 3: by hand at two timesteps of one batch."""
    x, noise = torch.tensor([[1.0, -2.0], [3.0, 0.5]]), torch.tensor([[0.5, 1.0], [-1.0, 2.0]])
    diffused = DiffusionSchedule().diffuse(x, noise, torch.tensor([0, 50]))
    expected = [[np.sqrt(0.9999) + 0.005, -2 * np.sqrt(0.9999) + 0.01]]
    expected += [[3 * 0.9954114 - 0.0956878, 0.5 * 0.9954114 + 2 * 0.0956878]]
    assert diffused.numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_what_epsilon_prediction_gives_back():
    """SEED, eqs. 5 and 6, with the noise that was drawn: the variant comes back, not the clean embedding."""
    torch.manual_seed(0)
    schedule, y, noise, t = DiffusionSchedule(), torch.randn(4, 8), torch.randn(4, 8), torch.tensor([1, 50, 300, 700])
    y_t = schedule.diffuse(y, noise, t)
    signal, spread = (torch.from_numpy(np.sqrt(a)[t.numpy()][:, None]).float() for a in (ABAR, 1 - ABAR))
    assert ((y_t - spread * noise) / signal).numpy() == pytest.approx(y.numpy(), abs=1e-4)
    x = torch.randn(4, 8)
    x_t = schedule.diffuse(x, noise, t)  # eq. 8: what differs is the scaled difference of the embeddings
    assert (x_t - y_t).numpy() == pytest.approx((signal * (x - y)).numpy(), abs=1e-5)


def test_a_perfect_prediction_ends_at_itself():
    clean = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    schedule = DiffusionSchedule()
    for steps in (1, 2, 7):
        assert torch.equal(
            schedule.denoise(lambda x, t: clean, torch.zeros(3, 5), falling_timesteps(90, steps), 9.0), clean
        )


def test_one_step_of_ddim_by_hand():
    """x_s = sqrt(abar_s) x0 + sqrt(1 - abar_s) (x_t - sqrt(abar_t) x0) / sqrt(1 - abar_t), predictions clipped."""
    seen = []

    def predict(x, t):
        seen.append((x.clone(), int(t[0])))
        return torch.full_like(x, 4.0)

    start = torch.tensor([[1.0]])
    assert float(DiffusionSchedule().denoise(predict, start, [100, 40], 2.0)) == 2.0
    eps = (1 - np.sqrt(ABAR[100]) * 2) / np.sqrt(1 - ABAR[100])
    assert seen[1][1] == 40
    assert float(seen[1][0]) == pytest.approx(np.sqrt(ABAR[40]) * 2 + np.sqrt(1 - ABAR[40]) * eps, rel=1e-6)


@pytest.mark.parametrize(("first", "steps"), [(980, 50), (999, 1000)])
def test_as_diffusers(first, steps):
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.DDIMScheduler(beta_schedule="scaled_linear", prediction_type="sample", clip_sample_range=3.0)
    theirs.set_timesteps(steps)
    torch.manual_seed(0)
    weight, start = torch.randn(6, 6) / 3, torch.randn(2, 6)
    x = start
    for t in theirs.timesteps:
        x = theirs.step(torch.tanh(x @ weight), t, x).prev_sample
    ours = DiffusionSchedule().denoise(lambda x, t: torch.tanh(x @ weight), start, falling_timesteps(first, steps), 3.0)
    assert ours.numpy() == pytest.approx(x.numpy(), abs=1e-4)


def test_timesteps():
    assert falling_timesteps(980, 50) == list(range(980, -1, -20))
    assert falling_timesteps(50, 1) == [50]
    assert falling_timesteps(3, 4) == [3, 2, 1, 0]
    with pytest.raises(InputError):
        falling_timesteps(3, 5)


def test_sinusoidal():
    t = np.array([0, 7, 999])
    angles = t[:, None] * 1e4 ** -(np.arange(3) / 3)
    expected = np.concatenate([np.cos(angles), np.sin(angles)], 1)
    assert sinusoidal(torch.from_numpy(t), 6).numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("betas", [(0, 0.1), (0.2, 0.1), (0.1, 1.0)])
def test_bad_schedules(betas):
    with pytest.raises(InputError):
        DiffusionSchedule(10, betas)
