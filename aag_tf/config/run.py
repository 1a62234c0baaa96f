"""Where results go."""

import dataclasses

from aag_tf.config.checks import require, require_range


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where results go and how often they are written; nothing here changes what is learnt."""

    run_dir: str = "runs/aag"
    resume: bool = False
    overwrite: bool = False
    log_every_steps: int = 50
    checkpoint_every_steps: int | None = None
    checkpoints_to_keep: int = 3
    knn_every_epochs: int = 5

    def __post_init__(self) -> None:
        require(bool(self.run_dir), "--run_dir is empty; name the directory that the run may create.")
        require(not (self.resume and self.overwrite), "--resume continues a run, --overwrite deletes it; give one.")
        require_range("log_every_steps", self.log_every_steps, 1)
        if self.checkpoint_every_steps is not None:
            require_range("checkpoint_every_steps", self.checkpoint_every_steps, 1)
        require_range("checkpoints_to_keep", self.checkpoints_to_keep, 1)
        require_range("knn_every_epochs", self.knn_every_epochs, 0)
