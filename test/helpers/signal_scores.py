"""Scored experiments of enhancement and extraction, small, with audio on request."""

import numpy as np
import soundfile

from toolkit.bin.summarise_audio import main as summarise
from toolkit.io.datadir import write_table
from toolkit.io.variants import declare_variant

UTTS = {f"s{s}-u{u}": f"s{s}" for s in range(6) for u in range(3)}
SETS = ("test", "test_rain")
FS = 8000


def values(name: str, seed: int) -> dict[str, np.ndarray]:
    """Metric -> value of each utterance; the mixtures are those of the set, whatever the seed."""
    rng, mixture = np.random.default_rng([seed, len(name)]), np.random.default_rng(len(name))
    before = mixture.uniform(-5, 5, len(UTTS))
    after = before + rng.uniform(2, 12, len(UTTS))
    actual = {"si_sdr": after, "si_sdr_mix": before, "pesq_nb": rng.uniform(1.5, 4, len(UTTS))}
    actual["pesq_nb_mix"] = mixture.uniform(1, 2, len(UTTS))
    far = after - 20
    far[::5] = after[::5] + 1.0 + np.arange(len(UTTS))[::5] / 10
    return actual | {"si_sdr_interferer": far, "speaker_confusion": (far > after).astype(float)}


def write_scores(expdir, seed=0, variant="", sets=SETS, keep=None, change=None, resamples=60, declared=None):
    """``expdir/scores<variant>``.

    Args:
        sets: names; what is called ``rain`` is noisy, ``..._5`` at 5 dB.
        keep: metrics; None: those of extraction.
        change: ``change(name, tables, undefined)`` alters a set's tables before they are written.
        declared: parameter and value of the sweep that the outputs are of.
    """
    for name in sets:
        tables = {k: dict(zip(UTTS, map(float, v), strict=True)) for k, v in values(name, seed).items()}
        tables = {k: v for k, v in tables.items() if keep is None or k in keep}
        undefined = dict.fromkeys(UTTS, "-")
        if change:
            change(name, tables, undefined)
        folder, data = expdir / f"metrics{variant}" / name, expdir / "data" / name
        for path in (folder, data):
            write_table(path / "utt2spk", {utt: UTTS[utt] for utt in undefined})
        for metric, rows in tables.items():
            write_table(folder / f"utt2{metric}", {utt: f"{x:.6f}" for utt, x in rows.items()})
        write_table(folder / "utt2undefined", undefined)
        noise = "rain" if "rain" in name else "clean"
        write_table(data / "utt2noise", dict.fromkeys(undefined, noise))
        if (snr := name.rpartition("_")[2]).isdigit():
            write_table(data / "utt2snr", dict.fromkeys(undefined, snr))
        write_table(data / "spk2gender", {spk: "f" if spk < "s3" else "m" for spk in UTTS.values()})
    if declared:
        declare_variant(expdir / f"metrics{variant}", sets, *declared)
    paths = ["--in_root", expdir / f"metrics{variant}", "--data_root", expdir / "data"]
    paths += ["--out_root", expdir / f"scores{variant}", "--resamples", resamples, "--breakdown", "gender"]
    summarise([*map(str, paths), "--sets", *sets])
    return expdir


def write_utterances(folder, utt2spk, **metrics):
    """``utterances.tsv`` of a set; ``metrics``: utterance -> value."""
    lines = [["utterance", "speaker", *metrics, "undefined"]]
    lines += [[utt, spk, *(str(rows[utt]) for rows in metrics.values()), "-"] for utt, spk in utt2spk.items()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "utterances.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))


def write_audio(root, outputs, sets=SETS, streams=("wav", "spk1", "enroll_spk1"), seconds=0.3):
    """Mixtures, targets, enrolments below ``root``, outputs below ``outputs``."""
    rng = np.random.default_rng(3)
    for name in sets:
        for folder, stream in [*((root / name, one) for one in streams), (outputs / name, "wav")]:
            table = {}
            for utt in UTTS:
                table[utt] = str(folder / f"{stream}_{utt}.wav")
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(table[utt], 0.1 * rng.standard_normal(round(seconds * FS)), FS)
            write_table(folder / f"{stream}.scp", table)
