"""Write what pages take from measurements: tables of systems in toolkit/models/README.md, the picture of README.md.

Example: python ci/write_pages.py        (both; --help names the parts)
"""

import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "toolkit/models/README.md"
RESULTS = ROOT / "egs/speechocean762/ee/results.json"
PICTURE = RESULTS.with_name("eer_by_snr.svg")
TEST_SETS = {"libri_test": "LibriSpeech test-clean", "test": "speechocean762 test"}
LINES = {"ge2e": "GE2E", "ee_train_seed_ge2e": "GE2E + SEED"}


class System(NamedTuple):
    """A row: the name of the paper, the paper, a config below egs/, and the size and MACs that the paper states."""

    name: str
    paper: str
    config: str
    stated: str = "-"


class Measured(NamedTuple):
    """A row of a small system whose results are published: what it is, and a config below egs/ beside a RESULTS.md."""

    name: str
    config: str


_PARANOISE, _SEED, _SEF = "arXiv 2508.07219", "arXiv 2505.16798", "arXiv 2501.11274"
_LGR, _TASNET = "arXiv 2210.15849", "arXiv 1809.07454"
PUBLISHED = (
    System("ParaNoise-SV (enc.)", _PARANOISE, "voxceleb1/sv/conf/train_paranoise_enc.yaml", "7.75 M"),
    System("ParaNoise-SV, without NE", _PARANOISE, "voxceleb1/sv/conf/train_paranoise_none.yaml"),
    System("ECAPA-TDNN, C = 1024", "arXiv 2005.07143", "voxceleb1/sv/conf/train_ecapa_1024.yaml", "14.7 M"),
    System("ECAPA-TDNN, C = 2048", _LGR, "voxceleb1/sv/conf/train_ecapa2048.yaml", "78.99 M"),
    System("ResNet34 (H/ASP)", "arXiv 2009.14153", "voxceleb1/sv/conf/train_resnet34.yaml", "8.0 M"),
    System("ERes2NetV2", "arXiv 2406.02167", "voxceleb1/sv/conf/train_eres2netv2.yaml", "17.8 M"),
    System("ReDimNet2-B0", "arXiv 2603.11841", "speechocean762/sv/conf/train_redimnet2_b0.yaml", "1.1 M"),
    System("ReDimNet2-B1", "arXiv 2603.11841", "speechocean762/sv/conf/train_redimnet2_b1.yaml", "2.1 M"),
    System("WavLM-ECAPA", _SEED, "voxceleb1/sv/conf/train_wavlm_ecapa.yaml"),
    System("GE2E", "arXiv 1710.10467", "TEMPLATE/conf/ge2e.yaml"),
    System("SEED, D = 512", _SEED, "voxceleb1/ee/conf/train_seed_resnet34.yaml"),
    System("SEED, D = 256", _SEED, "voxceleb1/ee/conf/train_seed_ecapa.yaml"),
    System("DRL, D = 512", "Nam et al. 2024, Interspeech", "voxceleb1/ee/conf/train_drl_resnet34.yaml"),
    System("Conv-TasNet, size of SSL-MSE", _TASNET, "librispeech_dns/se/conf/train_convtasnet_snr.yaml"),
    System("Demucs (dns64)", "arXiv 2006.12847", "librispeech_dns/se/conf/train_demucs.yaml"),
    System("GTCRN", "Rong et al. 2024, ICASSP", "speechocean762/se/conf/train_gtcrn.yaml", "48.2 k, 33.0 M"),
    System("SEF-PNet", _SEF, "libri2mix/tse/conf/train_sefpnet.yaml", "6.08 M, 8.50 G"),
    System("DPCCN + CI", _SEF, "libri2mix/tse/conf/train_dpccn_ci.yaml", "5.89 M, 8.37 G"),
    System("DPCCN + CI + IFI", _SEF, "libri2mix/tse/conf/train_dpccn_ci_ifi.yaml", "5.89 M, 8.43 G"),
    System("sDPCCN", _SEF, "libri2mix/tse/conf/train_sdpccn.yaml", "6.63 M, 8.49 G"),
    System("LGR-TSE (LGR)", _LGR, "libri2talker/tse/conf/train_lgr.yaml"),
    System("LGR-TSE (local)", _LGR, "libri2talker/tse/conf/train_lgr_local.yaml"),
    System("VoiceFilter", "arXiv 1810.04826", "libri2talker/tse/conf/train_voicefilter.yaml"),
    System("Speakerfilter", "He, Li, Zhang 2020, ICASSP", "libri2talker/tse/conf/train_speakerfilter.yaml"),
    System("GatedCRN", "Tan and Wang 2020, TASLP", "libri2talker/tse/conf/train_gated_crn.yaml"),
    System("TEA-PSE", "Ju, Rao et al. 2022, ICASSP", "libri2talker/tse/conf/train_tea_pse.yaml"),
    System("Conformer, CTC / attention", "arXiv 2005.08100", "librispeech/asr/conf/train_conformer.yaml"),
    System("HuBERT on log-mel, small", "arXiv 2106.07447", "open/ssl/conf/train_hubert.yaml"),
)
SMALL = (
    Measured("ECAPA-TDNN", "speechocean762/sv/conf/train_ecapa.yaml"),
    Measured("ECAPA-TDNN", "open/sv/conf/train_ecapa.yaml"),
    Measured("ResNet34", "speechocean762/sv/conf/train_resnet34.yaml"),
    Measured("ERes2NetV2", "speechocean762/sv/conf/train_eres2netv2.yaml"),
    Measured("ParaNoise-SV (enc.)", "speechocean762/sv/conf/train_paranoise_enc.yaml"),
    Measured("ParaNoise-SV, without NE", "speechocean762/sv/conf/train_paranoise_none.yaml"),
    Measured("SEED for GE2E", "speechocean762/ee/conf/train_seed_ge2e.yaml"),
    Measured("DRL for GE2E", "speechocean762/ee/conf/train_drl_ge2e.yaml"),
    Measured("Projection for GE2E", "open/ee/conf/train_projection.yaml"),
    Measured("Conv-TasNet", "speechocean762/se/conf/train_convtasnet.yaml"),
    Measured("GTCRN", "open/se/conf/train_gtcrn.yaml"),
    Measured("LGR-TSE", "open/tse/conf/train_lgr.yaml"),
    Measured("LGR-TSE", "speechocean762/tse/conf/train_lgr_global.yaml"),
    Measured("Speakerfilter", "speechocean762/tse/conf/train_speakerfilter_lgr.yaml"),
    Measured("ECAPA-TDNN, synthetic speech", "mini/sv/conf/train_ecapa.yaml"),
    Measured("Conv-TasNet, synthetic speech", "mini/se/conf/train_convtasnet_snr.yaml"),
    Measured("SEF-PNet, synthetic speech", "mini/tse/conf/train_sefpnet.yaml"),
    Measured("SEED for GE2E, synthetic speech", "mini/ee/conf/train_seed_ge2e.yaml"),
    Measured("Conformer, synthetic speech", "mini/asr/conf/train_conformer.yaml"),
)


def cost(config: str) -> dict[str, Any]:
    """What ``toolkit.bin.network_info`` counts of a config below egs/, for one second of audio; without its timing."""
    from toolkit.bin import network_info
    from toolkit.metrics.cost import complexity

    printed = io.StringIO()
    untimed = mock.patch.multiple(complexity, measure_rtf=lambda *_: 0.0, measure_peak_memory=lambda *_: 0.0)
    with untimed, contextlib.redirect_stdout(printed):
        network_info.main(["--config", str(ROOT / "egs" / config), "--seconds", "1"])
    return json.loads(printed.getvalue())


def numbers(config: str) -> str:
    """The cells ``parameters | MACs``: millions, and 10^9 a second of audio by thop's rules."""
    info = cost(config)
    return f"{info['parameters'] / 1e6:.2f} M | {info['macs_thop'] / 1e9:.3g}"


def file_of(config: str) -> str:
    """Path below toolkit/models/ of the class that a config builds."""
    from toolkit.io.config import load_config

    room, _, name = load_config(ROOT / "egs" / config)["model"]["class_path"].rpartition(".")
    module = getattr(import_module(room), name).__module__
    return str(Path(*module.split(".")).with_suffix(".py").relative_to("toolkit/models"))


def link_of(config: str) -> str:
    """Link from toolkit/models/README.md to a config below egs/."""
    return f"[{config.replace('/conf/', '/').removesuffix('.yaml')}](../../egs/{config})"


def published_rows() -> Iterator[str]:
    """Lines of the table of systems at their published size."""
    yield "| system | paper | file | config | parameters | MACs (G) | the paper states |"
    yield "|---|---|---|---|---:|---:|---|"
    for row in PUBLISHED:
        number = row.paper.removeprefix("arXiv ")
        paper = row.paper if number == row.paper else f"[{row.paper}](https://arxiv.org/abs/{number})"
        file = file_of(row.config)
        cells = [row.name, paper, f"[{file}]({file})", link_of(row.config), numbers(row.config), row.stated]
        yield f"| {' | '.join(cells)} |"


def small_rows() -> Iterator[str]:
    """Lines of the table of small systems with published results."""
    yield "| system | config | parameters | MACs (G) | result |"
    yield "|---|---|---:|---:|---|"
    for row in SMALL:
        recipe = row.config.partition("/conf/")[0]
        result = f"[{recipe}](../../egs/{recipe}/RESULTS.md)"
        yield f"| {row.name} | {link_of(row.config)} | {numbers(row.config)} | {result} |"


def with_table(text: str, name: str, rows: Iterator[str]) -> str:
    """The page with new lines between ``<!-- name -->`` and ``<!-- end -->``."""
    before, mark, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end:
        raise SystemExit(f"error: lines '<!-- {name} -->' and '<!-- end -->' must surround the table")
    return before + mark + "\n".join(rows) + "\n" + end + after


def curves(results: Path = RESULTS) -> dict[str, dict[str, dict[float, float]]]:
    """Test set -> experiment -> SNR in dB -> EER in per cent, the mean over the kinds of noise; SNR inf: clean."""
    files = json.loads(results.read_text(encoding="utf-8"))["files"]
    eers: dict[str, dict[str, dict[float, list[float]]]] = {}
    for name, file in files.items():
        match = re.fullmatch(rf"exp/({'|'.join(LINES)})/scores/({'|'.join(TEST_SETS)})(_.*)?/metrics.json", name)
        if match is None:
            continue
        experiment, test_set, _ = match.groups()
        entry = json.loads(file["text"])
        snr = entry["condition"]["snr"]
        values = eers.setdefault(test_set, {}).setdefault(experiment, {})
        values.setdefault(float("inf") if snr is None else snr, []).append(entry["metrics"]["eer"]["value"])
    return {
        test_set: {line: {snr: sum(v) / len(v) for snr, v in sorted(eers[test_set][line].items())} for line in LINES}
        for test_set in TEST_SETS
    }


def draw(path: Path = PICTURE) -> None:
    """Write the picture: EER against SNR with and without SEED, a panel for each test set."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    for ax, (test_set, lines) in zip(figure.subplots(1, 2), curves().items(), strict=True):
        for (line, eers), style in zip(lines.items(), ("s--", "o-"), strict=True):
            colour = "#D55E00" if style == "s--" else "#0072B2"
            ax.plot(range(len(eers)), list(eers.values()), style, color=colour, markersize=4, label=LINES[line])
        ax.set_xticks(range(len(eers)), ["clean" if snr == float("inf") else f"{snr:g}" for snr in eers])
        ax.set(title=TEST_SETS[test_set], xlabel="SNR (dB)", ylabel="EER (%)")
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
        ax.legend()
    with matplotlib.rc_context({"svg.hashsalt": "voxsift", "svg.fonttype": "none", "font.size": 9}):
        FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None})


def main(argv: list[str] | None = None) -> None:
    """Write the parts."""
    from toolkit.io.command_line import Parser

    parser = Parser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["table", "picture"], help="table, picture (both)")
    parts = parser.parse_args(argv).parts
    if unknown := set(parts) - {"table", "picture"}:
        parser.error(f"unknown part {' '.join(sorted(unknown))}; must be table or picture")
    if "picture" in parts:
        draw()
    if "table" in parts:
        text = with_table(PAGE.read_text(encoding="utf-8"), "published", published_rows())
        PAGE.write_text(with_table(text, "small", small_rows()), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from toolkit.io.command_line import run

    sys.exit(run(main))
