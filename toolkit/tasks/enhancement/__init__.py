"""Speech enhancement and target speaker extraction: training, scoring of audio."""
