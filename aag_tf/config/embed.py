"""What is embedded in bulk, with which encoder, and where the embeddings go."""

import dataclasses

from aag_tf.config.checks import normalize_text, require, require_choice, require_range

EMBEDDING_DTYPES = ("float32", "float16")


@dataclasses.dataclass(frozen=True)
class EmbedConfig:
    """What `aag-embed` reads and writes; `read_threads` is the number of CPU cores when `None`."""

    saved_model: str = ""
    input: str = ""
    output: str = ""
    data_dir: str | None = None
    image_feature: str | None = None
    normalize: bool = False
    dtype: str = "float32"
    numpy: bool = True
    shard_size: int = 8192
    batch_size: int = 256
    read_threads: int | None = None
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        normalize_text(self)
        require(bool(self.saved_model), "--saved_model is missing; name a directory that aag-export wrote.")
        require(bool(self.input), "--input is missing; name a folder, tfds:NAME/SPLIT, a list of paths or TFRecords.")
        require(bool(self.output), "--output is missing; name the directory that the embeddings may be written to.")
        require_choice("dtype", self.dtype, EMBEDDING_DTYPES)
        require_range("shard_size", self.shard_size, 1, 10_000_000)
        require_range("batch_size", self.batch_size, 1, 65_536)
        if self.read_threads is not None:
            require_range("read_threads", self.read_threads, 1, 1024)
        require(not (self.resume and self.overwrite), "--resume continues an output, --overwrite deletes it; give one.")
