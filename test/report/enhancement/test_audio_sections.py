from toolkit.report.enhancement.audio_sections import failures


def test_failures_say_which_tsos_they_show():
    metric = {"value": 8.2, "low": 7.0, "high": 9.5, "undefined": {}, "infinite": {}}
    one = {"set": "test", "n_utterances": 20, "metrics": dict.fromkeys(("tsos", "tsos_k1"), metric)}
    about, table = failures([{"experiment": "tse_x", "sets": [one], "variants": {}}]).blocks
    assert "k = 2: it does not depend on level" in about
    assert "TSOS, k = 1: by the definition with k = 1" in about
    assert table.header == ["Over", "Experiment", "TSOS (%)", "TSOS, k = 1 (%)"]
