"""Error rates, calibration and normalisation of trial scores."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "error_rates": "Rates ScoreSweep det_points eer min_dcf verification_metrics",
        "calibration": "Calibration act_dcf cllr fit_calibration min_cllr",
        "score_norm": "cohort_statistics normalize",
    },
)
