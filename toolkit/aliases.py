"""Former names of modules, classes and functions, so that old configs, packed models and scripts keep working.

A moved module is importable under its former path, a renamed class under its former name, and a function that is now
a method, or in another module, under its former path. A package that was a module before (``metrics.verification``)
also exports the names of that module (toolkit.exports).
"""

import importlib
import importlib.machinery
import sys
from functools import partial
from operator import attrgetter
from types import ModuleType

MODULES = {
    "features.mel": "features.kaldi_fbank",
    "features.centered": "features.log_mel",
    "features.resynthesis": "features.mel_inversion",
    "data.draw": "data.item",
    "data.speakers": "data.datasets",
    "losses.margin": "losses.speaker.margin",
    "losses.paranoise": "losses.speaker.paranoise",
    "losses.signal": "losses.enhancement.waveform",
    "losses.ssl_mse": "losses.enhancement.ssl_mse",
    "metrics.bootstrap": "metrics.statistics.bootstrap",
    "metrics.paired": "metrics.statistics.paired",
    "metrics.speaker_means": "metrics.statistics.speaker_means",
    "metrics.calibration": "metrics.verification.calibration",
    "metrics.score_norm": "metrics.verification.score_norm",
    "metrics.scoring": "metrics.verification.vectors",
    "metrics.narrow": "metrics.verification.binned_scores",
    "metrics.catalogue": "metrics.signal.registry",
    "metrics.extraction": "metrics.signal.over_suppression",
    "metrics.dnsmos": "metrics.signal.dnsmos",
    "metrics.complexity": "metrics.cost.complexity",
    "metrics.thop_rules": "metrics.cost.thop_rules",
    "report.draws": "report.bootstrap_samples",
    "report.results": "report.verification.trial_results",
    "report.tables": "report.verification.trial_tables",
    "report.sections": "report.verification.trial_sections",
    "report.signal_grids": "report.enhancement.noise_grid",
    "report.signal_plots": "report.enhancement.improvement_plots",
    "report.signal_results": "report.enhancement.audio_results",
    "report.signal_sections": "report.enhancement.audio_sections",
    "report.signal_tables": "report.enhancement.audio_tables",
    "report.signal_verification": "report.enhancement.verified",
    "report.signal_weights": "report.enhancement.loss_weights",
    "tasks.sv": "tasks.verification.verification_task",
    "tasks.sv_experiment": "tasks.verification.verification_task",
    "tasks.signal": "tasks.enhancement.enhancement_task",
    "tasks.signal_experiment": "tasks.enhancement.enhancement_task",
    "tasks.embedding": "systems.verifier",
    "tasks.inference": "systems.signals",
    "tasks.packing": "systems.packing",
    "tasks.scoring": "tasks.verification.trial_scoring",
    "tasks.breakdown": "tasks.verification.trial_groups",
    "tasks.calibration": "systems.calibration_file",
    "tasks.comparison": "tasks.verification.trial_comparison",
    "tasks.measuring": "tasks.verification.trial_summary",
    "tasks.listening": "tasks.verification.estimate_listening",
    "tasks.segments": "tasks.verification.segments",
    "tasks.similarity": "tasks.enhancement.similarity",
    "tasks.statistics": "tasks.training_statistics",
    "tasks.signal_comparison": "tasks.enhancement.audio_comparison",
    "tasks.signal_gathering": "report.bootstrap_samples",
    "tasks.signal_listening": "tasks.enhancement.audio_listening",
    "tasks.signal_measuring": "tasks.enhancement.audio_summary",
    "tasks.signal_scoring": "tasks.enhancement.audio_scoring",
    "simulate.voices": "simulate.minicorpus.voices",
    "simulate.espeak": "simulate.minicorpus.espeak",
    "simulate.music": "simulate.minicorpus.music",
    "simulate.soundscapes": "simulate.minicorpus.noise_synthesis",
    "simulate.bank": "simulate.minicorpus.bank",
    "io.draws": "io.bootstrap_store",
    "bin.cli": "io.command_line",
    "bin.sv_embed": "bin.embed_utterances",
    "bin.sv_score": "bin.score_trials",
    "bin.sv_calibrate": "bin.calibrate_scores",
    "bin.sv_compare": "bin.compare_trials",
    "bin.sv_listen": "bin.listen_trials",
    "bin.signal_score": "bin.score_audio",
    "bin.signal_summary": "bin.summarise_audio",
    "bin.signal_compare": "bin.compare_audio",
    "bin.model_info": "bin.network_info",
    "bin.se_inference": "bin.enhance_audio",
    "bin.tse_inference": "bin.extract_audio",
    "bin.signal_report": "bin.report",
}  # below toolkit: former -> current module
NAMES = {
    "SpeakerData": "TrainingDataset",
    "AudioFiles": "MixtureDataset",
    "FeatureArks": "FeatureDataset",
    "TargetSpeech": "ExtractionDataset",
    "Draw": "ItemSpec",
    "SignalLoss": "EnhancementLoss",
    "SumLoss": "WeightedSum",
    "LogMel": "KaldiFbank",
    "CenteredLogMel": "LogMelSpectrogram",
    "Resynthesis": "MelInversion",
    "Frozen": "FrozenModule",
}  # former -> current name, in any module
FUNCTIONS = {
    "losses.margin.SumLoss": "losses.weighted_sum:WeightedSum",
    "tasks.packing.load_embedder": "systems.former:load_embedder",
    "tasks.packing.load_enhancer": "systems.former:load_enhancer",
    "tasks.packing.load_extractor": "systems.former:load_extractor",
    "tasks.packing.pack": "systems.former:pack",
    "tasks.embedding.embed_file": "systems.former:embed_file",
    "tasks.inference.enhance": "systems.former:enhance",
    "tasks.inference.extract": "systems.former:extract",
    "tasks.sv_experiment.build_embedder": "systems.verifier:Verifier.build",
    "tasks.sv_experiment.build_encoder": "systems.former:build_encoder",
    "tasks.sv_experiment.build_frontend": "systems.verifier:Verifier.build_frontend",
    "io.audio.resample": "io.samples:resample",
    "io.audio.resampled_blocks": "io.samples:resampled_blocks",
    "io.audio.unusable": "io.samples:unusable",
    "io.audio.check_usable": "io.samples:check_usable",
    "io.audio.from_integers": "io.samples:from_integers",
    "io.audio.audio_files": "io.folders:audio_files",
    "io.audio.files_below": "io.folders:files_below",
    "io.audio.is_command": "io.opening:is_command",
    "data.datasets.RenderedStreams": "data.rendered_streams:RenderedStreams",
    "data.datasets.without_noise": "data.rendered_streams:without_noise",
}  # below toolkit: former path -> current module and name


PROGRAMS = {
    "bin.sv_train": "bin.train sv",
    "bin.se_train": "bin.train se",
    "bin.tse_train": "bin.train tse",
    "bin.sv_stats": "bin.statistics sv",
    "bin.signal_stats": "bin.statistics",
}  # below toolkit: former program -> current program and its first arguments
MODULES |= {former: present.split()[0] for former, present in PROGRAMS.items()}


class _Moved:
    """Finder and loader of modules under former paths; their names come from the current modules."""

    def find_spec(self, fullname: str, path=None, target=None):
        """See importlib.abc.MetaPathFinder."""
        if fullname.removeprefix("toolkit.") not in MODULES or not fullname.startswith("toolkit."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec) -> None:
        """None: a plain module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Give the module the names of the current one."""
        former = module.__name__.removeprefix("toolkit.")
        module.__getattr__ = partial(attribute, former)

    def get_code(self, fullname: str):
        """Code for ``python -m`` with a former program: runs the current one."""
        former = fullname.removeprefix("toolkit.")
        present, *words = PROGRAMS.get(former, MODULES[former]).split()
        source = f"import runpy, sys; sys.argv[1:1] = {words!r}; "
        source += f"runpy.run_module('toolkit.{present}', run_name='__main__', alter_sys=True)"
        return compile(source, present, "exec")


def attribute(former: str, name: str):
    """The object ``name`` of the former module ``former``, from the tables."""
    if name.startswith("__"):
        raise AttributeError(name)
    if (target := _moved(former, name)) is not None:
        return target
    module = importlib.import_module(f"toolkit.{MODULES[former]}")
    try:
        return getattr(module, NAMES.get(name, name))
    except AttributeError:
        raise AttributeError(f"module toolkit.{former}, now {module.__name__!r}, has no attribute {name!r}") from None


def _moved(former: str, name: str):
    """The object of FUNCTIONS that had this path; None if there is none."""
    module, _, path = FUNCTIONS.get(f"{former}.{name}", "").partition(":")
    return attrgetter(path)(importlib.import_module(f"toolkit.{module}")) if module else None


def moved_from(module: str):
    """``__getattr__`` of a module that still exists, for names that have moved from it to another one."""

    def get(name: str):
        if (target := _moved(module.removeprefix("toolkit."), name)) is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return target

    return get


def install() -> None:
    """Make former paths importable."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.append(_Moved())
