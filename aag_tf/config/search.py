"""What is looked for among embedded images, and how."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.schedule import LARGEST_SEED
from aag_tf.config.setting import check_settings, setting, settings_of

QUESTIONS = ("query", "like", "duplicates", "outliers", "select")
TYPICAL, CENTER = "typical", "center"
# Settings that belong to some questions only.
BELONGS = {
    "top_k": ("query", "like"),
    "index": ("query", "like"),
    "outlier_neighbors": ("outliers",),
    "select_by": ("select",),
    "labeled": ("select",),
    "seed": ("select",),
}


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
        "Find the images most similar to a picture file, or to each picture of a folder; they are embedded with the "
        "encoder that embedded the collection. If the collection has the same file, that is left out of the answer.",
        if_empty="name a picture file or a folder of them",
        is_path=True,
    )
    like: str | None = setting(
        None,
        "Find the images most similar to an image of the collection, given by its row (from 0) or by its path as the "
        "collection has it; it is left out of the answer.",
        if_empty="name a row of the collection by its number or its path",
    )
    duplicates: float | None = setting(
        None,
        "Find groups of near-duplicates: images whose cosine similarity is at least this, such as 0.98; 1 finds "
        "copies. All pairs are compared. Images belong to one group that a chain of such pairs joins, so that two of "
        "a group may be less similar.",
        low=0.0,
        high=1.0,
        low_open=True,
    )
    outliers: int | None = setting(
        None,
        "Find this many outliers: the images that are farthest from their k-th most similar one "
        "(--outlier_neighbors), the farthest first.",
        low=1,
        high=10_000,
    )
    select: int | None = setting(
        None,
        "Choose this many images to label next, central and different from each other: one from each of as many "
        "clusters. The table has a column `label` to fill in, and is read as csv:selected.csv afterwards.",
        low=1,
        high=10_000,
    )
    top_k: int = setting(20, "How many of the most similar images to show for a query.", low=1, high=10_000)
    index: str | None = setting(
        None,
        "For queries. exact compares with every image: right, and seconds for a million. hnsw is approximate and "
        "answers in milliseconds; it is built once, kept beside the embeddings, and needs pip install "
        "'aag-tf[search]'. Default: hnsw where it has been built and faiss is installed, else exact.",
        choices=("exact", "hnsw"),
    )
    outlier_neighbors: int = setting(
        10,
        "For --outliers: k, the neighbor whose distance counts. Groups of up to k strange images that are alike are "
        "found; larger ones pass for a class.",
        low=1,
        high=1000,
    )
    select_by: str = setting(
        CENTER,
        "For --select: which image of a cluster is chosen. center is the one nearest to the mean of the cluster; "
        "typical is the one whose neighbors in the cluster are nearest (TypiClust).",
        choices=(CENTER, TYPICAL),
    )
    labeled: str | None = setting(
        None,
        "For --select: images that are labeled already, a text with a path a line or a table with a column of paths "
        "(.csv), such as an earlier selected.csv. None of them is chosen, nor, as long as there are others, one from "
        "their clusters.",
        if_empty="name a list of paths or a table",
        is_path=True,
    )
    seed: int = setting(
        0,
        "For --select: of the clusters. The same seed, collection and labels choose the same images.",
        low=0,
        high=LARGEST_SEED,
    )
    saved_model: str | None = setting(
        None,
        "Where the encoder lies now, if it was moved since it embedded the collection.",
        is_path=True,
    )
    gallery: str | None = setting(
        None,
        "The web page that shows the images found; an earlier page of aag-search of that name is replaced. --gallery= "
        "writes none. Default: gallery.html for queries, else duplicates.html, outliers.html or selected.html.",
        is_path=True,
    )
    results: str | None = setting(
        None,
        "The answer as tables: NAME writes NAME.csv and NAME.json. --results= writes none. Default: none for a single "
        "query, else queries, duplicates, outliers or selected.",
        is_path=True,
    )
    overwrite: bool = setting(False, "Replace files of --results that exist.")
    verify: bool = setting(
        False,
        "First compare every byte of the collection with the digests that were noted when it was written; otherwise "
        "what is read is checked.",
    )
    trust_model: bool = setting(
        False,
        "Load a SavedModel even if its graph can do more than compute, such as read and write files or call Python: "
        "whoever made it can then do what you can.",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            sum(getattr(self, name) is not None for name in QUESTIONS) == 1,
            "give exactly one of --query=<picture file or folder>, --like=<row or path of the collection>, "
            "--duplicates=<similarity>, --outliers=<number> and --select=<number>.",
        )
        declared = settings_of(SearchConfig)
        for name, questions in BELONGS.items():
            value = getattr(self, name)
            require(
                self.question in questions or value == declared[name].default,
                f"--{name}={value} belongs to {' and '.join(f'--{each}' for each in questions)} and decides nothing "
                f"for --{self.question}; leave it out.",
            )
        require(
            not self.gallery or self.gallery.lower().endswith((".html", ".htm")),
            f"--gallery={self.gallery} is no web page; give a name that ends in .html, or nothing for none.",
        )
        require(
            not self.results or not self.results.endswith((".csv", ".json", "/")),
            f"--results={self.results} is not a name without suffix; .csv and .json are appended to it.",
        )

    @property
    def question(self) -> str:
        """Which of the settings that ask something was given: one of `QUESTIONS`."""
        return next(name for name in QUESTIONS if getattr(self, name) is not None)
