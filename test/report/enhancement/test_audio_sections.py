from toolkit.report.enhancement.audio_sections import failures
from toolkit.report.summaries import Estimate, Experiment, SetSummary


def test_failures_say_which_tsos_they_show():
    metric = Estimate(8.2, 7.0, 9.5)
    one = SetSummary(dict.fromkeys(("tsos", "tsos_k1"), metric), name="test", n_utterances=20)
    about, table = failures([Experiment([one], name="tse_x")]).blocks
    assert "k = 2: it does not depend on level" in about
    assert "TSOS, k = 1: by the definition with k = 1" in about
    assert table.header == ["Over", "Experiment", "TSOS (%)", "TSOS, k = 1 (%)"]
