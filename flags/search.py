"""Search: what is looked for, among which embeddings, and how the answer is shown."""

from absl import flags

from aag_tf.config import SEARCH_INDEXES, SearchConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `SearchConfig`."""
    # SearchConfig refuses to be built without a query, so its defaults are read from the class.
    default = SearchConfig
    flags.DEFINE_string(
        "embeddings",
        default.embeddings,
        "The collection: a directory that aag-embed wrote. Must be given.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "query",
        default.query,
        "A picture file; it is embedded with the encoder that embedded the collection.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "like",
        default.like,
        "An image of the collection instead, by its row (from 0) or by its path as the collection has it; it is left "
        "out of the answer.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "top_k",
        default.top_k,
        "How many of the most similar images to show, 1 to 10000.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "index",
        default.index,
        SEARCH_INDEXES,
        "exact compares with every image: right, and seconds for a million. hnsw is approximate and answers in "
        "milliseconds; it is built once, kept beside the embeddings, and needs pip install 'aag-tf[search]'. "
        "Default: hnsw where it has been built and faiss is installed, else exact.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "saved_model",
        default.saved_model,
        "Where the encoder lies now, if it was moved since it embedded the collection.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "gallery",
        default.gallery,
        "The web page that shows the images found; an earlier gallery of that name is replaced. --gallery= writes "
        "none.",
        flag_values=flag_values,
    )
