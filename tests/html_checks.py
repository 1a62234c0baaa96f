"""Reads a page of ours as a browser and a screen reader would, with the standard library's parser."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br"}
ARIA_REFERENCES = ("aria-labelledby", "aria-describedby")


class Page(HTMLParser):
    """A parsed page; parsing fails where a tag is closed that was not open."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.elements = []  # (tag, attributes)
        self.words = []  # (path of open tags, text)
        self._open = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.words.append((tuple(self._open), " ".join(data.split())))

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    def texts(self, *tags):
        return [text for path, text in self.words if set(tags) & set(path)]


def check_stands_alone(page):
    """Nothing is fetched and no script can run, even if one got in."""
    assert page.all("script", "link", "iframe", "object", "base") == []
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"
    assert set(rules) == {"default-src", "style-src", "img-src", "base-uri", "form-action"}
    assert "url(" not in style
    assert "@import" not in style
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert attributes.get("src", "data:").startswith("data:image/png;base64,") or "src" not in attributes
        assert attributes.get("href", "#").startswith("#")


def check_accessible(page):
    """What a screen reader and a keyboard need: names, order, headers, landmarks."""
    assert [attributes["lang"] for attributes in page.all("html")] == ["en"]
    assert page.texts("title")
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for tag, attributes in page.elements:
        for name in ARIA_REFERENCES:
            assert set(attributes.get(name, "").split()) <= set(ids), (tag, attributes)
        if attributes.get("href"):
            assert attributes["href"][1:] in ids
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels))
    assert all(attributes.get("alt") for attributes in page.all("img"))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) > 0
    for picture in page.all("svg"):
        assert picture.get("aria-hidden") == "true" or (picture["role"] == "img" and "aria-labelledby" in picture)
    for box in page.all("div"):
        if "scroll" in box.get("class", "").split():
            assert box["tabindex"] == "0"
            assert box["role"] == "region"
            assert "aria-labelledby" in box
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


def contrast(first, second):
    """The contrast of two colors `#rrggbb`, as WCAG 2 defines it: from 1 to 21."""

    def luminance(color):
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)
