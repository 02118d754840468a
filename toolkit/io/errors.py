"""The one error that a user's input can raise."""


class InputError(Exception):
    """Bad input: a file, an id or an option is wrong. The message names it and says the remedy.

    Command lines turn it into one line on stderr and exit code 1, without a traceback.
    """


def some_of(ids, limit: int = 10) -> str:
    """``a, b, c (+12 more)``: as many ids as a message can carry."""
    ids = [str(i) for i in ids]
    more = f" (+{len(ids) - limit} more)" if len(ids) > limit else ""
    return ", ".join(ids[:limit]) + more
