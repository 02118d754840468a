"""voxsift: sift noisy recordings for a voice (speaker verification, enhancement, target extraction)."""

__version__ = "0.1.0"
