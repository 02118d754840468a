"""voxsift: sift noisy recordings for a voice (speaker verification, enhancement, target extraction)."""

from toolkit import aliases

__version__ = "0.1.0"

aliases.install()
