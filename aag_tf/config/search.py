"""What is looked for among embedded images, and how."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.setting import check_settings, setting


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Search: what is looked for, among which embeddings, and how the answer is shown."""

    embeddings: str = setting(
        "",
        "The collection: a directory that aag-embed wrote.",
        if_empty="name a directory that aag-embed wrote",
        is_path=True,
    )
    query: str | None = setting(
        None,
        "A picture file; it is embedded with the encoder that embedded the collection. If the collection has the same "
        "file, that is left out of the answer.",
        if_empty="name a picture file",
        is_path=True,
    )
    like: str | None = setting(
        None,
        "An image of the collection instead, by its row (from 0) or by its path as the collection has it; it is left "
        "out of the answer.",
        if_empty="name a row of the collection by its number or its path",
    )
    top_k: int = setting(20, "How many of the most similar images to show.", low=1, high=10_000)
    index: str | None = setting(
        None,
        "exact compares with every image: right, and seconds for a million. hnsw is approximate and answers in "
        "milliseconds; it is built once, kept beside the embeddings, and needs pip install 'aag-tf[search]'. "
        "Default: hnsw where it has been built and faiss is installed, else exact.",
        choices=("exact", "hnsw"),
    )
    saved_model: str | None = setting(
        None,
        "Where the encoder lies now, if it was moved since it embedded the collection.",
        is_path=True,
    )
    gallery: str = setting(
        "gallery.html",
        "The web page that shows the images found; an earlier gallery of that name is replaced. --gallery= writes "
        "none.",
        is_path=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            (self.query is None) != (self.like is None),
            "give exactly one of --query=<picture file> and --like=<row or path of the collection>.",
        )
        require(
            self.gallery == "" or self.gallery.lower().endswith((".html", ".htm")),
            f"--gallery={self.gallery} is no web page; give a name that ends in .html, or nothing for none.",
        )
