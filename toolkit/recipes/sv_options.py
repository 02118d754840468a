"""Options of ``sv.sh``."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.recipes.options import COUNT, FILE, FOLDER, LIST, POSITIVE, Choice, System, option
from toolkit.recipes.scoring import ScoringRecipe

NORMS = ("none", "z_norm", "t_norm", "s_norm", "as_norm")


@dataclass
class SvSimulation(ScoringRecipe):
    """Options of stage 3."""

    title: ClassVar[str] = "Simulation"

    simulate_train_config: str = option(
        "", "planner config; makes <train_set>_sim, which is trained on", FILE, "none: train_set itself"
    )
    train_copies: int = option(1, "mixtures of each training utterance", COUNT)
    train_streams: list[str] = option(
        ["wav"],
        'streams of <train_set>_sim, e.g. "wav spk1 noise1" for models that train on the parts of a mixture',
        LIST,
    )
    speed_perturb_factors: list[str] = option(
        [], 'speeds of <train_set>_sim, e.g. "0.9 1.0 1.1", each with speakers of other names', POSITIVE
    )
    simulate_valid_config: str = option(
        "", "planner config; makes <valid>_sim of each valid set, which joins them", FILE
    )
    simulate_test_config: str = option("", "planner config with the noises of the test conditions", FILE)


@dataclass
class SvTraining(SvSimulation):
    """Options of training and use."""

    title: ClassVar[str] = "Training and evaluation"

    feats_type: str = option(
        "raw", "raw: train from audio (mixtures on the fly); fbank: from dumped features", Choice(("raw", "fbank"))
    )
    sv_config: str = option("conf/train_ecapa.yaml", "training config", FILE)
    sv_args: str = option("", 'more options of train sv, e.g. "--trainer.epochs 3"')
    sv_tag: str = option("", "name of the experiment: exp/sv_<tag>", FOLDER, "from config, features, args")
    inference_model: str = option("valid.eer.ave.pth", "weights to embed with")
    se_exp: str = option(
        "",
        "enhance all that is embedded first, by this experiment, ../se/exp/se_<x>, or packed zip; its scores have a "
        "separate row beside those without",
        System("enhancement"),
    )
    train_enhanced: bool = option(
        False,
        "with --se_exp: train on the enhanced training set (with --simulate_train_config: in noise), and validate on "
        'enhanced valid sets, e.g. to fine-tune a verifier: --sv_args "--init_from exp/sv_<x>/valid.eer.ave.pth '
        '--data.init_args.planner null" --sv_tag <y>',
    )
    ee_exp: str = option(
        "",
        "enhance all embeddings, by this experiment, ../ee/exp/ee_<x>, or packed zip, which was trained for this "
        "extractor; its scores have a separate row beside those without",
        System("embedding enhancement"),
    )
    floor_config: str = option(
        "conf/mean_fbank.yaml", 'config of a network without training, the baseline of the table; "": none', FILE
    )


@dataclass
class SvScores(SvTraining):
    """Options of scores."""

    title: ClassVar[str] = "Scores"

    score_norm: str = option(
        "none", "normalise scores by a cohort of other speakers", Choice(NORMS), "none; or as_norm ..."
    )
    cohort_set: str = option("", "the cohort", LIST, "train_set")
    cohort_utts: int = option(10, "utterances of each speaker in the cohort", COUNT)
    top_n: int = option(300, "scores of as_norm, 2 at least", COUNT)
    score_tag: str = option(
        "",
        "name of a kind of scores, exp/sv_<tag>/scores_<score_tag>, which has a separate row in the tables",
        FOLDER,
        "from --scoring and --score_norm; none for plain cosine scores",
    )
    calibrate: bool = option(True, "actDCF and Cllr of scores calibrated on a valid set; EER and minDCF stay")
    calibration_set: list[str] = option([], "sets to calibrate on", LIST, "all valid sets, noisy ones too")
    breakdown: list[str] = option(
        [], 'error rates by groups, e.g. "gender duration", or by tables spk2<x>, utt2<x> of the sets', LIST
    )
    duration_edges: list[str] = option([], 'between groups of durations, in seconds, e.g. "2 4"', POSITIVE, "terciles")
