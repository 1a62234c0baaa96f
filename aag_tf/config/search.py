"""What is looked for among embedded images, and how."""

import dataclasses

from aag_tf.config.checks import normalize_text, require, require_choice, require_range

SEARCH_INDEXES = ("exact", "hnsw")


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """What `aag-search` looks for, in which output of `aag-embed`.

    `index` is `hnsw` where one has been built and can be read, and `exact` otherwise, when `None`.
    """

    embeddings: str = ""
    query: str | None = None
    like: str | None = None
    top_k: int = 20
    index: str | None = None
    saved_model: str | None = None
    gallery: str = "gallery.html"

    def __post_init__(self) -> None:
        normalize_text(self)
        require(bool(self.embeddings), "--embeddings is missing; name a directory that aag-embed wrote.")
        require(
            (self.query is None) != (self.like is None),
            "give exactly one of --query=<picture file> and --like=<row or path of the collection>.",
        )
        require(self.query != "", "--query is empty; name a picture file.")
        require(self.like != "", "--like is empty; name a row of the collection by its number or its path.")
        require_range("top_k", self.top_k, 1, 10_000)
        if self.index is not None:
            require_choice("index", self.index, SEARCH_INDEXES)
        require(
            self.gallery == "" or self.gallery.lower().endswith((".html", ".htm")),
            f"--gallery={self.gallery} is no web page; give a name that ends in .html, or nothing for none.",
        )
