"""AAG as a Keras model: views, one encoder pass over all of them, projections, GNT-Xent over the global batch."""

from typing import Any

import keras
import tensorflow as tf

from aag_tf.losses import GNTXent, contrastive_statistics, sum_replicas


class AAG(keras.Model):
    """Contrastive pre-training of an encoder on two main views and auxiliary views of each image.

    Calling the model embeds images: `[batch, height, width, channels]`, uint8 or float in [0, 255], to float32
    `[batch, features]`. `fit` takes batches as `aag_tf.data.training_batches` yields them:

        {"image": uint8 [batch, height, width, channels], "step": int64 [batch], "row": int32 [batch]}

    where `row` is the place of an image in the global batch; with `step` and `seed` it decides every random number of
    its views, so that neither the number of replicas nor an interruption changes them. A batch that already holds
    `"views"`, float32 `[batch, views, height, width, channels]`, is taken as it is (augmentation on the host).

    Under a `tf.distribute` strategy a replica computes the loss of its own images against the projections of all, and
    the sum over replicas is the loss of the global batch: value and gradient do not depend on the split.

    Args:
        encoder: images to embeddings.
        projector: embeddings to projections, used in training only.
        views: draws the views of a batch (`aag_tf.augment.ViewMaker`).
        seed: the run's seed.
    """

    def __init__(
        self, encoder: keras.Model, projector: keras.Model, views: keras.layers.Layer, *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.projector = projector
        self.views = views
        self.seed = seed
        self.built = True

    def compile(self, optimizer: keras.optimizers.Optimizer, loss: GNTXent, **kwargs: Any) -> None:
        """Sets optimizer and loss; other arguments are those of `keras.Model.compile`."""
        super().compile(optimizer=optimizer, **kwargs)
        self.contrastive_loss = loss

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The embedding of images."""
        return self.encoder(images, training=training)

    def project(self, views: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Projections of views, in one pass through the encoder.

        Args:
            views: `[batch, views, height, width, channels]` float in [0, 255].
            training: whether batch normalisation uses, and updates, the statistics of this batch.

        Returns:
            float32 `[batch, views, dim]`, not normalised.
        """
        images = tf.reshape(views, [-1, *views.shape[2:]])
        projections = self.projector(self.encoder(images, training=training), training=training)
        return tf.reshape(projections, [-1, views.shape[1], projections.shape[-1]])

    def draw_views(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        """The views of a batch, `[batch, views, height, width, channels]` float32 in [0, 255]."""
        if "views" in batch:
            return batch["views"]
        return self.views.make(batch["image"], seed=self.seed, step=batch["step"][0], row=batch["row"])

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of gradient descent; returns loss, gradient norm and the statistics of the contrast."""
        views = self.draw_views(batch)
        variables = self.encoder.trainable_variables + self.projector.trainable_variables
        scale = self.optimizer.scale_loss(tf.ones([]))  # of the loss in float16, else 1; `apply` may move it
        with tf.GradientTape() as tape:
            projections = self.project(views, training=True)
            share = self.contrastive_loss(None, projections)
            scaled = share * scale
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply(gradients, variables)
        return {
            "loss": sum_replicas(share),
            "gradient_norm": tf.linalg.global_norm(sum_replicas(gradients)) / scale,
            **self._statistics(projections),
        }

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Loss and statistics of a batch with the weights and moving statistics as they are."""
        projections = self.project(self.draw_views(batch), training=False)
        share = self.contrastive_loss(None, projections)
        return {"loss": sum_replicas(share), **self._statistics(projections)}

    def _statistics(self, projections: tf.Tensor) -> dict[str, tf.Tensor]:
        loss = self.contrastive_loss
        return contrastive_statistics(projections, temperature=loss.temperature, coupling=loss.coupling)
