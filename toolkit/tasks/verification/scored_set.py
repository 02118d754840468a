"""One set scored: scores.txt, log-likelihood ratios and metrics.json of its trials. Loads no torch."""

import logging
from pathlib import Path

import numpy as np

from toolkit.io.bootstrap_store import NAME as SAMPLES_FILE
from toolkit.io.bootstrap_store import identity_of, write_samples
from toolkit.io.command_line import check_summary_arguments
from toolkit.io.conditions import read_condition
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.io.scores import write_scores
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.report.summaries import SetSummary, condition_facts, write_summary
from toolkit.systems.calibration_file import backend_of, load_calibration
from toolkit.tasks.verification.trial_groups import group_trials
from toolkit.tasks.verification.trial_scoring import TrialSet, check_scoring, load_cohort, load_trials, trial_scores
from toolkit.tasks.verification.trial_summary import Bootstrap, summarise_trials, targets_within_session

TOP_N = 300


def check_options(args) -> None:
    """Raise InputError where an option is out of range or needs another."""
    check_summary_arguments(args)
    if args.top_n is not None and args.score_norm != "as_norm":
        raise InputError(f"--top_n {args.top_n} needs --score_norm as_norm")
    if args.cohort_utt2spk and not args.cohort:
        raise InputError("--cohort_utt2spk needs --cohort, the embeddings of these speakers")
    if (args.duration_edges or args.fs) and "duration" not in args.breakdown:
        raise InputError("--duration_edges and --fs need --breakdown duration")
    if args.breakdown and not args.data_dir:
        raise InputError("--breakdown needs --data_dir, whose tables define the groups")
    check_scoring(args.scoring, args.score_norm, args.cohort)


def models_of(args) -> Path | None:
    """The table of enrolment models, or None."""
    if args.enroll2utt:
        return None if args.enroll2utt == "none" else Path(args.enroll2utt)
    default_path = Path(args.trials).parent / "enroll2utt"
    return default_path if default_path.is_file() else None


def write_results(args, trial_set: TrialSet, scores: np.ndarray, llrs, summary: SetSummary, samples: Resamples) -> None:
    """Write scores.txt, llr.txt, draws.npz and, last, metrics.json; remove those that this run does not make."""
    output = Path(args.output)
    write_scores(output / "scores.txt", trial_set.trials, scores)
    for name, is_made in (("llr.txt", llrs is not None), (SAMPLES_FILE, args.resamples > 0)):
        if not is_made:
            (output / name).unlink(missing_ok=True)
    if llrs is not None:
        write_scores(output / "llr.txt", trial_set.trials, llrs)
    if args.resamples:
        identity = identity_of(trial_set.trials, trial_set.speakers, args.seed, args.resamples)
        write_samples(output / SAMPLES_FILE, samples.samples, identity)
    write_summary(output / "metrics.json", summary)


def warn_of_lost(name: str, samples: Resamples, speakers: int, resamples: int) -> None:
    """Warn of bootstrap samples without trials of a kind, which leave no interval or a less certain one."""
    if min(samples.speakers.values()) < 2:
        logging.warning("%s: no intervals: all its targets are of one speaker; test on ten speakers or more", name)
    elif samples.too_few:
        logging.warning(
            "%s: no intervals: %d speakers are too few, %d of %d bootstrap samples had no targets or no "
            "nontargets; test on ten speakers or more",
            *(name, speakers, samples.lost, resamples),
        )
    elif samples.lost:
        logging.warning(
            "%s: intervals of %d speakers are rough: %d of %d bootstrap samples had no targets or no nontargets",
            *(name, speakers, samples.lost, resamples),
        )


def score_set(args) -> None:
    """Score the trials of a set by the options of ``score_trials``, and write the results."""
    trial_set = load_trials(args.trials, args.utt2spk, models_of(args))
    name = args.name or Path(args.data_dir or args.output).resolve().name
    facts = condition_facts(read_condition(args.data_dir))
    bootstrap = Bootstrap(args.resamples, args.level, args.seed)
    groupings = [
        group_trials(fact, DataDir(args.data_dir), trial_set, args.duration_edges, args.fs) for fact in args.breakdown
    ]
    cohort = load_cohort(args.cohort, args.cohort_utt2spk, args.scoring) if args.cohort else None
    scores, scoring = trial_scores(
        trial_set, args.embeddings, args.scoring, args.score_norm, cohort, args.top_n or TOP_N
    )
    calibration = None
    if args.calibration:
        calibration, fit = load_calibration(args.calibration, backend_of(scoring))
        facts["calibration"] = {key: fit.get(key) for key in ("scale", "offset", "p_target", "scores")}
    facts |= {"scoring": scoring, "n_target_within_session": targets_within_session(args.data_dir, trial_set)}
    summary, samples = summarise_trials(scores, trial_set, bootstrap, calibration, groupings, name=name, **facts)
    warn_of_lost(name, samples, len(trial_set.speakers), args.resamples)
    write_results(args, trial_set, scores, calibration and calibration(scores), summary, samples)
    eer = summary.metrics["eer"].value
    print(f"{name}: EER {eer:.2f} % over {len(scores)} trials, {args.output}/metrics.json")
