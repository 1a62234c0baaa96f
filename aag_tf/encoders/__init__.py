"""Networks: from images to embeddings, and from embeddings to projections."""

from aag_tf.encoders.batch_norm import BatchNorm
from aag_tf.encoders.build import build_encoder
from aag_tf.encoders.own import Description, describe_encoder, encoder_from, has_fitted_layers, settle, weight_shapes
from aag_tf.encoders.projector import build_projector
from aag_tf.encoders.resnet import RESNETS, ResNetSpec

__all__ = [
    "RESNETS",
    "BatchNorm",
    "Description",
    "ResNetSpec",
    "build_encoder",
    "build_projector",
    "describe_encoder",
    "encoder_from",
    "has_fitted_layers",
    "settle",
    "weight_shapes",
]
