"""Networks: encoders from images to embeddings, and the projector from embeddings to projections."""

from aag_tf.encoders.batch_norm import BatchNorm
from aag_tf.encoders.build import build_encoder, encoder_of_views
from aag_tf.encoders.custom import (
    Description,
    describe_encoder,
    encoder_from,
    finalize_normalization,
    has_fitted_layers,
    weight_shapes,
)
from aag_tf.encoders.embed_views import average_views, embedding_views
from aag_tf.encoders.networks import build_networks, dtype_policy, untrained_encoder
from aag_tf.encoders.plain import plain_encoder
from aag_tf.encoders.projector import build_projector
from aag_tf.encoders.resized import embed_apart
from aag_tf.encoders.resnet import RESNETS, ResNetSpec

__all__ = [
    "RESNETS",
    "BatchNorm",
    "Description",
    "ResNetSpec",
    "average_views",
    "build_encoder",
    "build_networks",
    "build_projector",
    "describe_encoder",
    "dtype_policy",
    "embed_apart",
    "embedding_views",
    "encoder_from",
    "encoder_of_views",
    "finalize_normalization",
    "has_fitted_layers",
    "plain_encoder",
    "untrained_encoder",
    "weight_shapes",
]
