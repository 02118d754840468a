"""Files of text."""


def write_text(folder, name: str, text: str) -> str:
    """Write a file and its folder; returns its path."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)
