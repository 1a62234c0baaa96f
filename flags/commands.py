"""Every command by name, and the config that its flags make."""

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

COMMANDS: dict[str, type] = {
    "aag-train": TrainConfig,
    "aag-augment": ContactSheetConfig,
    "aag-evaluate": EvaluateConfig,
    "aag-finetune": FinetuneConfig,
    "aag-export": ExportConfig,
    "aag-pack": PackConfig,
    "aag-embed": EmbedConfig,
    "aag-search": SearchConfig,
    "aag-predict": PredictConfig,
}
