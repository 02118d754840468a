"""Figures that a report draws."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved, to look into."""
    figures, save = [], FigureCanvasAgg.print_png

    def keep(self, path):
        figures.append(self.figure)
        save(self, path)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", keep)
    return figures
