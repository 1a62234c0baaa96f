"""What can be refused before TensorFlow is imported: paths, names, numbers of files; nothing is decoded or written.

Later checks still see everything: a file may change meanwhile, and Python code may come here by other ways. Where a
fact is checked here and there, the later code calls the function of this room.
"""

from typing import Any

from aag_tf.config import (
    ContactSheetConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    FinetuneConfig,
    PackConfig,
    PredictConfig,
    SearchConfig,
    TrainConfig,
)


def check(config: Any) -> None:
    """Checks what a command needs, in about a second.

    Args:
        config: of the command.

    Raises:
        AagError: something is missing or in the way; the same error would come later.
    """
    # Imported here, since they import NumPy, and `--help` needs none.
    from aag_tf.preflight import augment, embed, evaluate, export, finetune, pack, predict, search, train

    checks: dict[type, Any] = {
        TrainConfig: train.check,
        ContactSheetConfig: augment.check,
        EvaluateConfig: evaluate.check,
        ExportConfig: export.check,
        EmbedConfig: embed.check,
        FinetuneConfig: finetune.check,
        PackConfig: pack.check,
        PredictConfig: predict.check,
        SearchConfig: search.check,
    }
    checks[type(config)](config)
