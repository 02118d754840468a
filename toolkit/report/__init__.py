"""Results to tables, plots and pages."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "listening": "write_listening",
        "page": "html_page report_page",
        "verdict": "verdicts",
    },
)
