"""What is exported, and where to."""

import dataclasses

from aag_tf.config.checks import listed, normalize_text, require, require_choice, require_range
from aag_tf.config.run import CHECKPOINTS

SIGNATURES = ("serving_default", "embed_bytes", "embed_images", "project")
FORMATS = ("onnx", "openvino", "litert")
WEIGHTS = ("float32", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What `aag-export` writes, and where; `version` is the next free number when `None`."""

    run_dir: str = ""
    checkpoint: str = "latest"
    export_dir: str = ""
    version: int | None = None
    signatures: str = "serving_default,embed_bytes,embed_images"
    formats: str = ""
    weights: str = "float32"
    max_pixels: int = 2**25  # 33.5 million: a frame of 8K video
    overwrite: bool = False
    verify: bool = True
    dry_run: bool = False

    def __post_init__(self) -> None:
        normalize_text(self)
        require(bool(self.run_dir), "--run_dir is missing; name the run whose encoder is to be exported.")
        require_choice("checkpoint", self.checkpoint, CHECKPOINTS)
        require(bool(self.export_dir), "--export_dir is missing; name the directory that versions are written to.")
        if self.version is not None:
            require_range("version", self.version, 1)
        require_choice("weights", self.weights, WEIGHTS)
        require_range("max_pixels", self.max_pixels, 1, 2**28)
        for name in self.signature_names:
            require_choice("signatures", name, SIGNATURES)
        for name in self.format_names:
            require_choice("formats", name, FORMATS)
        require(
            SIGNATURES[0] in self.signature_names,
            f"--signatures={self.signatures} leaves out {SIGNATURES[0]}, which every server asks for; add it.",
        )

    @property
    def signature_names(self) -> tuple[str, ...]:
        """The signatures to write, each once; the one that every server asks for comes first, as Keras wants it."""
        return tuple(sorted(dict.fromkeys(listed(self.signatures)), key=lambda name: name != SIGNATURES[0]))

    @property
    def format_names(self) -> tuple[str, ...]:
        """The other runtimes to convert for, each once."""
        return tuple(dict.fromkeys(listed(self.formats)))
