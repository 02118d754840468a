"""What a page says and where it links, for tests of pages."""

import base64
from html.parser import HTMLParser
from urllib.parse import unquote

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Cells of tables by row, links, text and ids of a page; fails where tags do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.links, self.ids, self.text, self.tags = [], [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href") if name in attrs]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        if not {"style", "script"} & set(self.open):
            self.text.append(" ".join(data.split()))

    def files(self):
        """Links that lead out of the page."""
        return [unquote(link) for link in self.links if not link.startswith(("#", "data:"))]

    def inside(self, kind):
        """The files of a kind, ``image/png``, that the page holds."""
        head = f"data:{kind};base64,"
        return [base64.b64decode(link.removeprefix(head)) for link in self.links if link.startswith(head)]
