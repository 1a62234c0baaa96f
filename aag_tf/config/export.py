"""What is exported, and where to."""

import dataclasses

from aag_tf.config.checks import require, require_range


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What `aag-export` writes, and where; `version` is the next free number when `None`."""

    run_dir: str = ""
    export_dir: str = ""
    version: int | None = None
    overwrite: bool = False
    verify: bool = True

    def __post_init__(self) -> None:
        require(bool(self.run_dir), "--run_dir is missing; name the run whose encoder is to be exported.")
        require(bool(self.export_dir), "--export_dir is missing; name the directory that versions are written to.")
        if self.version is not None:
            require_range("version", self.version, 1)
