"""Every setting of a run, as frozen dataclasses: a module a concern, validated once, standard library only.

The field names are the names of the command-line flags (a test holds them together), and `TrainConfig` is what a
run directory records, so that evaluation and export can rebuild the encoder without the command line.
"""

from aag_tf.config.augment import AUGMENT_IMPLEMENTATIONS, AUGMENT_PLACES, AUXILIARIES, MAIN_VIEWS, AugmentConfig
from aag_tf.config.cluster import Cluster, cluster_from_environment
from aag_tf.config.contact_sheet import ContactSheetConfig
from aag_tf.config.data import DataConfig
from aag_tf.config.embed import EMBEDDING_DTYPES, EmbedConfig
from aag_tf.config.evaluate import (
    EVALUATION_SPLITS,
    INPUT_RANGES,
    MEASURES,
    EvaluateConfig,
    ProtocolConfig,
    check_compared,
)
from aag_tf.config.export import FORMATS, SIGNATURES, WEIGHTS, ExportConfig
from aag_tf.config.flat import flag_lines, from_flat, leaves, to_flat
from aag_tf.config.loss import LEARNED_TEMPERATURE_MAXIMUM, LOSS_FORMS, LossConfig
from aag_tf.config.model import OWN, STEMS, EncoderConfig, ProjectorConfig
from aag_tf.config.optimizer import LR_SCALINGS, OPTIMIZERS, OptimizerConfig
from aag_tf.config.resume import changed_training_settings, training_settings
from aag_tf.config.run import CHECKPOINTS, RunConfig
from aag_tf.config.schedule import JIT_MODES, PRECISIONS, ScheduleConfig
from aag_tf.config.search import SEARCH_INDEXES, SearchConfig
from aag_tf.config.train import TrainConfig

__all__ = [
    "AUGMENT_IMPLEMENTATIONS",
    "AUGMENT_PLACES",
    "AUXILIARIES",
    "CHECKPOINTS",
    "EMBEDDING_DTYPES",
    "EVALUATION_SPLITS",
    "FORMATS",
    "INPUT_RANGES",
    "JIT_MODES",
    "LEARNED_TEMPERATURE_MAXIMUM",
    "LOSS_FORMS",
    "LR_SCALINGS",
    "MAIN_VIEWS",
    "MEASURES",
    "OPTIMIZERS",
    "OWN",
    "PRECISIONS",
    "SEARCH_INDEXES",
    "SIGNATURES",
    "STEMS",
    "WEIGHTS",
    "AugmentConfig",
    "Cluster",
    "ContactSheetConfig",
    "DataConfig",
    "EmbedConfig",
    "EncoderConfig",
    "EvaluateConfig",
    "ExportConfig",
    "LossConfig",
    "OptimizerConfig",
    "ProjectorConfig",
    "ProtocolConfig",
    "RunConfig",
    "ScheduleConfig",
    "SearchConfig",
    "TrainConfig",
    "changed_training_settings",
    "check_compared",
    "cluster_from_environment",
    "flag_lines",
    "from_flat",
    "leaves",
    "to_flat",
    "training_settings",
]
