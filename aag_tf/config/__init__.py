"""Every setting, declared once as a field of a frozen dataclass (see `setting`), with the standard library only.

The names of the fields are those of the command-line flags. A run directory records its `TrainConfig`, from which
evaluation and export rebuild the encoder.
"""

from aag_tf.config.augment import AUXILIARIES, MAIN_VIEWS, AugmentConfig
from aag_tf.config.cluster import Cluster, cluster_from_environment
from aag_tf.config.contact_sheet import ContactSheetConfig
from aag_tf.config.data import DataConfig
from aag_tf.config.declared import Setting
from aag_tf.config.embed import EMBEDDING_DTYPES, EmbedConfig
from aag_tf.config.encoder_names import check_encoder
from aag_tf.config.evaluate import EvaluateConfig, check_compared
from aag_tf.config.export import ExportConfig
from aag_tf.config.finetune import PIXEL_RANGES, FinetuneConfig, TuningConfig
from aag_tf.config.flat import flag_lines, from_flat, groups, leaves, to_flat
from aag_tf.config.layout import LayoutConfig
from aag_tf.config.loss import LEARNED_TEMPERATURE_MAXIMUM, LossConfig, check_loss_combination
from aag_tf.config.model import OWN, EncoderConfig, ProjectorConfig
from aag_tf.config.optimizer import WSD, OptimizerConfig
from aag_tf.config.pack import PackConfig
from aag_tf.config.predict import InputConfig, PredictConfig
from aag_tf.config.protocol import MEASURES, QUICK_MEASURES, USUAL_KNN_K, ProtocolConfig
from aag_tf.config.reading import ReadingConfig
from aag_tf.config.resume import changed_training_settings, training_settings
from aag_tf.config.run import RunConfig
from aag_tf.config.schedule import ScheduleConfig
from aag_tf.config.search import CENTER, TYPICAL, SearchConfig
from aag_tf.config.setting import check_setting
from aag_tf.config.start import IMAGENET, StartConfig
from aag_tf.config.train import TrainConfig

__all__ = [
    "AUXILIARIES",
    "CENTER",
    "EMBEDDING_DTYPES",
    "IMAGENET",
    "LEARNED_TEMPERATURE_MAXIMUM",
    "MAIN_VIEWS",
    "MEASURES",
    "OWN",
    "PIXEL_RANGES",
    "QUICK_MEASURES",
    "TYPICAL",
    "USUAL_KNN_K",
    "WSD",
    "AugmentConfig",
    "Cluster",
    "ContactSheetConfig",
    "DataConfig",
    "EmbedConfig",
    "EncoderConfig",
    "EvaluateConfig",
    "ExportConfig",
    "FinetuneConfig",
    "InputConfig",
    "LayoutConfig",
    "LossConfig",
    "OptimizerConfig",
    "PackConfig",
    "PredictConfig",
    "ProjectorConfig",
    "ProtocolConfig",
    "ReadingConfig",
    "RunConfig",
    "ScheduleConfig",
    "SearchConfig",
    "Setting",
    "StartConfig",
    "TrainConfig",
    "TuningConfig",
    "changed_training_settings",
    "check_compared",
    "check_encoder",
    "check_loss_combination",
    "check_setting",
    "cluster_from_environment",
    "flag_lines",
    "from_flat",
    "groups",
    "leaves",
    "to_flat",
    "training_settings",
]
