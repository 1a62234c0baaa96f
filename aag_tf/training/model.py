"""AAG as a Keras model: views, one encoder pass over all of a size, projections, GNT-Xent over the global batch."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment import ViewMaker
from aag_tf.data.images.view_groups import Views
from aag_tf.encoders import embed_apart, finalize_normalization
from aag_tf.losses import GNTXent, LearnedTemperature, contrastive_statistics, sum_replicas
from aag_tf.losses.temperature import as_temperature
from aag_tf.optimizers import WeightAverage
from aag_tf.training.accumulation import Batch, accumulated_gradients, cached_projections, gradients_of
from aag_tf.training.step_counter import StepCounter
from aag_tf.training.train_function import make_train_function
from aag_tf.utils.errors import ConfigError

# Projections, this replica's share of the loss, and gradients.
Backward = tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]


class AAG(keras.Model):
    """Contrastive pre-training of an encoder on two main views and auxiliary views of each image.

    Calling the model embeds images: `[batch, height, width, channels]`, uint8 or float in [0, 255], to float32
    `[batch, features]`. `fit` takes batches as `aag_tf.data.training_batches` yields them:

        {"image": uint8 [batch, height, width, channels], "step": int64 [batch], "row": int32 [batch]}

    where `row` is the position of an image in the global batch. `seed`, `step` and `row` decide every random number of
    its views, so that neither the number of replicas nor an interruption changes them. A batch that already has
    `"views"`, float32 `[batch, views, height, width, channels]`, is used as it is (augmentation on the host). Where
    auxiliary views have a size of their own, `"views"` is a tuple of two such tensors, the main views first: the
    encoder then embeds those of each size in a pass of their own, and the projector all of them in one (multi-crop:
    Caron et al. 2020, arXiv 2006.09882). Batch normalization uses the statistics of each pass; those of the main views
    alone move the encoder's moving ones.

    Under a `tf.distribute` strategy each replica computes the loss of its own images against the projections of all
    replicas, and the sum over replicas is the loss of the global batch: value and gradient do not depend on the split.

    Args:
        encoder: images to embeddings.
        projector: embeddings to projections, used in training only.
        views: draws the views of a batch.
        auxiliary_encoder: the encoder's layers for auxiliary views of a size of their own
            (`aag_tf.encoders.encoder_of_views`); `None` if the encoder takes them itself.
        seed: the run's seed.
        average: averaged weights for evaluation, updated after each step; `None` evaluates the trained weights.
        accumulation_steps: number of micro-batches in which a replica's part of the batch passes through the networks,
            to save memory; the loss is still that of the whole batch (`aag_tf.training.accumulation`). Batch
            normalization sees one micro-batch at a time.

    Raises:
        ConfigError: with several micro-batches, a network draws random numbers of its own (dropout), which the second
            pass over a micro-batch could not repeat.
    """

    def __init__(
        self,
        encoder: keras.Model,
        projector: keras.Model,
        views: ViewMaker,
        *,
        auxiliary_encoder: keras.Model | None = None,
        seed: int = 0,
        average: WeightAverage | None = None,
        accumulation_steps: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.projector = projector
        self.views = views
        # Hidden from Keras in a function: its layers and weights are those of the encoder.
        self._auxiliary_encoder = lambda: encoder if auxiliary_encoder is None else auxiliary_encoder
        self.seed = seed
        self.average = average
        # Traced once, however many replicas and micro-batches draw views; AutoGraph would only add seconds to that.
        make = functools.partial(views.make, seed=seed)
        self._make_views = tf.function(make, autograph=False, reduce_retracing=True)
        self.temperature: LearnedTemperature | None = None  # set by `compile`
        self.step_counter = StepCounter()
        self.accumulation_steps = accumulation_steps
        if accumulation_steps > 1:
            for network in (encoder, projector):
                _check_no_randomness(network)
        self.built = True

    @override
    def compile(self, optimizer: keras.optimizers.Optimizer, loss: GNTXent, **kwargs: Any) -> None:
        super().compile(optimizer=optimizer, **kwargs)
        self.contrastive_loss = loss
        temperature = loss.temperature
        # Also an attribute of the model, since Keras tracks the weights of layers and not those of losses.
        self.temperature = temperature if isinstance(temperature, LearnedTemperature) else None

    @override
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().fit(*args, **kwargs)
        finally:
            self.step_counter.end_input()

    @override
    def make_train_function(self, force: bool = False) -> None:
        self.step_counter.reset()
        if force or self.train_function is None:
            function = make_train_function(
                self.train_step,
                self.distribute_strategy,
                steps_per_execution=self.steps_per_execution,
                jit_compile=self.jit_compile,
                # Views are drawn outside the compiled step: inside, XLA would merge the functions that the branches
                # compile by themselves, which is slower. Micro-batches draw their own views, to save memory.
                prepare=self._with_views if self.jit_compile and self.accumulation_steps == 1 else None,
                counter=self.step_counter,
            )
            self.train_function: Any = self.step_counter.watched(function)

    @override
    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Nothing to do, since the networks are built; Keras would read a batch, and average images over all workers.
        pass

    @property
    def evaluated_encoder(self) -> keras.Model:
        """The encoder that is evaluated and exported: that of averaged weights where there is one."""
        return self.encoder if self.average is None else self.average.encoder

    def start_from(self, encoder: list[Any], projector: list[Any] | None = None) -> None:
        """Sets the weights to start with, those of the average too.

        Args:
            encoder: arrays in the order of `encoder.weights`.
            projector: arrays in the order of `projector.weights`; `None` leaves these as they are.
        """
        for own in self._encoders():
            own.set_weights(encoder)
        if projector is not None:
            self.projector.set_weights(projector)
        self.finalize_normalization()

    def finalize_normalization(self) -> None:
        """Updates layers after weights were loaded; see `aag_tf.encoders.finalize_normalization`."""
        for own in self._encoders():
            finalize_normalization(own)

    def _encoders(self) -> list[keras.Model]:
        return [self.encoder] if self.average is None else [self.encoder, self.average.encoder]

    def parts(self) -> dict[str, Any]:
        """The networks, the optimizer and a learned temperature, which a checkpoint holds, by name."""
        average = {} if self.average is None else {"average_encoder": self.average.encoder}
        temperature = {} if self.temperature is None else {"temperature": self.temperature}
        networks = {"encoder": self.encoder, "projector": self.projector}
        return {**networks, "optimizer": self.optimizer, **average, **temperature}

    @property
    def trained_variables(self) -> list[Any]:
        """The variables of the optimizer: those of both networks, and the temperature where it is learned."""
        temperature = [] if self.temperature is None else self.temperature.trainable_variables
        return self.encoder.trainable_variables + self.projector.trainable_variables + temperature

    @override
    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.evaluated_encoder(images, training=training)

    def project(self, views: Views, *, training: bool) -> tf.Tensor:
        """Projects views, those of each size in one pass through the encoder.

        Args:
            views: `[batch, views, height, width, channels]` float in [0, 255], of two sizes a tuple of two.
            training: whether batch normalization uses and updates the statistics of this batch.

        Returns:
            float32 `[batch, views, dim]`, not normalized to length one.
        """
        main, *auxiliary = tf.nest.flatten(views)
        embeddings = _of_each_view(functools.partial(self.encoder, training=training), main)
        if auxiliary:
            apart = functools.partial(embed_apart, self._auxiliary_encoder(), training=training)
            embeddings = tf.concat([embeddings, *(_of_each_view(apart, part) for part in auxiliary)], axis=1)
        count, features = embeddings.shape[1:]
        projections = self.projector(tf.reshape(embeddings, [-1, features]), training=training)
        return tf.reshape(projections, [-1, count, projections.shape[-1]])

    def draw_views(self, batch: Batch) -> Views:
        """Draws the views of a batch, as `project` takes them."""
        if "views" in batch:
            return batch["views"]
        cropped = "crops" in batch
        images = batch["crops" if cropped else "image"]
        return self._make_views(images, step=batch["step"][0], row=batch["row"], cropped=cropped)

    def _with_views(self, batch: Batch) -> Batch:
        return {**batch, "views": self.draw_views(batch)}

    @override
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        variables = self.trained_variables
        scale = self.optimizer.scale_loss(tf.ones([]))  # of the loss in float16, else 1; `apply` may change it
        backward = self._gradients if self.accumulation_steps == 1 else self._accumulated_gradients
        projections, share, gradients = backward(batch, variables, scale)
        norm = tf.linalg.global_norm(sum_replicas(gradients))
        metrics = {"loss": sum_replicas(share), "gradient_norm": norm / scale, **self._statistics(projections)}
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            metrics["loss_scale"] = scale
            # Keras checks only the first replica for overflow: NaN in all gradients makes every replica skip the step.
            gradients = [gradient + tf.cast(norm * 0.0, gradient.dtype) for gradient in gradients]
        self.optimizer.apply(gradients, variables)
        if self.average is not None:
            self.average.update(batch["step"][0])
        return metrics

    def _gradients(self, batch: Batch, variables: list[Any], scale: tf.Tensor) -> Backward:
        with tf.GradientTape() as tape:
            projections = self.project_batch(batch)
            share = self.contrastive_loss(None, projections)
            scaled = share * scale
        return projections, share, gradients_of(tape, scaled, variables)

    def _accumulated_gradients(self, batch: Batch, variables: list[Any], scale: tf.Tensor) -> Backward:
        count = self.accumulation_steps
        projections = cached_projections(self.project_batch, batch, count)
        with tf.GradientTape() as tape:
            tape.watch(projections)
            share = self.contrastive_loss(None, projections)
            scaled = share * scale
        temperature = [] if self.temperature is None else self.temperature.trainable_variables
        upstream, *of_temperature = tape.gradient(scaled, [projections, *temperature])
        of_networks = variables[: len(variables) - len(temperature)]
        gradients = accumulated_gradients(self.project_batch, batch, upstream, of_networks, count)
        return projections, share, gradients + of_temperature

    def project_batch(self, batch: Batch) -> tf.Tensor:
        """Draws the views of a training batch and projects them with `training=True`."""
        return self.project(self.draw_views(batch), training=True)

    @override
    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        projections = self.project(self.draw_views(batch), training=False)
        share = self.contrastive_loss(None, projections)
        return {"loss": sum_replicas(share), **self._statistics(projections)}

    def _statistics(self, projections: tf.Tensor) -> dict[str, tf.Tensor]:
        loss = self.contrastive_loss
        temperature = as_temperature(loss.temperature, tf.float32)
        statistics = contrastive_statistics(
            projections,
            temperature=temperature,
            coupling=loss.coupling,
            aux_weight=loss.aux_weight,
            aux_negatives=loss.aux_negatives,
            positives=loss.positives,
        )
        return {"temperature": tf.stop_gradient(temperature), **statistics}


def _of_each_view(embed: Callable[[tf.Tensor], tf.Tensor], views: tf.Tensor) -> tf.Tensor:
    """Embeds views `[batch, views, height, width, channels]` in one pass: `[batch, views, features]`."""
    embeddings = embed(tf.reshape(views, [-1, *views.shape[2:]]))
    return tf.reshape(embeddings, [-1, views.shape[1], embeddings.shape[-1]])


def _check_no_randomness(network: keras.Model) -> None:
    drawing = [
        layer.name
        for layer in network._flatten_layers()
        if any(isinstance(value, keras.random.SeedGenerator) for value in vars(layer).values())
    ]
    if drawing:
        raise ConfigError(
            f"--accumulation_steps cannot be used with this network: its layer {drawing[0]} draws random numbers of "
            "its own, which the two passes over a micro-batch would not share; leave the flag out, or take a network "
            "without dropout."
        )
