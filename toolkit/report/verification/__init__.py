"""Pages about trials: error rates, calibration, groups."""
