"""Front ends: waveform to features."""
