"""Registry of the metrics of speaker verification."""

from toolkit.metrics.metric import Metric

P_TARGETS = (0.01, 0.05)  # target priors of the detection costs
METRICS = {
    "eer": Metric("EER", "%", False, 100),
    **{f"min_dcf_{p:g}": Metric(f"minDCF({p:g})", "", False, digits=3) for p in P_TARGETS},
    **{f"act_dcf_{p:g}": Metric(f"actDCF({p:g})", "", False, digits=3) for p in P_TARGETS},
    "cllr": Metric("Cllr", "", False, digits=3),
    "min_cllr": Metric("min Cllr", "", False, digits=3),
}
MAIN = ("eer", *(f"min_dcf_{p:g}" for p in P_TARGETS))  # metrics of uncalibrated scores
