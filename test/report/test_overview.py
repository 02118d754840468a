"""Key figures and heat maps against the numbers of the files."""

import pytest

from test.report.verification.test_trial_sections import CONDITIONS, draws_of, write_experiment
from toolkit.report.blocks import Card, HeatMap
from toolkit.report.bootstrap_samples import difference
from toolkit.report.overview import cards, heat_maps, overview
from toolkit.report.verdict import verdicts


@pytest.fixture
def pair(tmp_path):
    return [write_experiment(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 2))]


def shown(heat_map):
    return {head: [cell and cell.text for cell in cells] for head, cells in heat_map.rows}


def eers(seed):
    return [100 * draws_of(seed, place)["eer"].mean() for place in range(len(CONDITIONS))]


def test_a_map_of_noise_and_snr(pair):
    (heat_map,) = heat_maps(pair[0])
    clean, babble, ood_0, ood_5 = (f"{x:.2f}" for x in eers(1))
    assert heat_map.columns == ["0 dB", "5 dB"]
    assert shown(heat_map) == {"clean": [clean], "babble": [babble, None], "ood": [ood_0, ood_5]}
    every = [cell for _, cells in heat_map.rows for cell in cells if cell]
    ranked = sorted(every, key=lambda cell: cell.share)  # worst first
    assert ranked == sorted(every, key=lambda cell: -float(cell.text))
    assert (ranked[0].share, ranked[-1].share) == (-1, 0)


def test_a_difference_is_marked_where_its_interval_excludes_zero(pair):
    blocks = overview(pair, [], [])
    *_, sides = blocks
    ours, theirs, change = (block for block in sides.others["b"] if isinstance(block, HeatMap))
    assert shown(ours) == shown(heat_maps(pair[0])[0])
    assert shown(theirs) == shown(heat_maps(pair[1])[0])
    flat = [cell for _, cells in change.rows for cell in cells if cell]
    order = {one.name: one for one in pair[1].sets}
    for cell, (name, *_), a, b in zip(flat, CONDITIONS, eers(1), eers(2), strict=True):
        one = difference([next(one for one in pair[0].sets if one.name == name)], [order[name]])["eer"]
        assert float(cell.text) == pytest.approx(b - a, abs=0.0051)
        assert cell.is_certain == (one.low > 0 or one.high < 0)
        assert (cell.share > 0) == (b < a)  # lower is better
    assert max(abs(cell.share) for cell in flat) <= 1


def test_a_card_has_the_figure_its_interval_and_what_it_is_compared_with(pair):
    trained, baseline = pair
    trained.train = {"steps": 1000}
    card, *others = cards(trained, verdicts([trained, baseline])[0])
    assert isinstance(card, Card)
    assert (card.label, card.value, card.interval) == ("EER, clean speech", f"{eers(1)[0]:.2f} %", "[0.00, 50.00]")
    assert card.reference == f"the untrained baseline: {eers(2)[0]:.2f} %"
    assert len(others) == 1
    (alone,) = cards(baseline, None)
    assert (alone.label, alone.value, alone.outcome) == ("EER, test", f"{eers(2)[0]:.2f} %", "")
