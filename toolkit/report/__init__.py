"""Results to tables, plots and pages."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "blocks": "Code Example Page Plot Section Signal Table",
        "html": "to_html",
        "listening": "write_listening",
        "markdown": "to_markdown",
        "verdict": "verdicts",
    },
)
