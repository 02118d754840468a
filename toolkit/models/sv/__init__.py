"""Speaker verification: waveform or features to an embedding."""
