"""Speaker verification: training, trials, calibration."""
