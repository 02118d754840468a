"""Confidence intervals and paired comparison, by bootstrap over speakers."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "bootstrap": "Resamples bootstrap_verification resample_verification",
        "paired": "Difference compare paired_difference",
        "speaker_means": "mean_intervals resample_means",
    },
)
