"""Speech enhancement: noisy waveform to enhanced waveform."""
