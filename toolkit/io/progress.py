"""Progress of long work: rate and time left."""

import sys


def progress(total: int, what: str, unit: str = "utt"):
    """A bar with rate and time left. In a log file: a line every 10 s, none for short work."""
    from tqdm import tqdm

    if sys.stderr.isatty():
        return tqdm(total=total, desc=what, unit=unit)
    line = "{desc}: {n_fmt}/{total_fmt} {percentage:3.0f}%, {rate_fmt}, {remaining} left\n"
    return tqdm(total=total, desc=what, unit=unit, mininterval=10, delay=10, bar_format=line)
