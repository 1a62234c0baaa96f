"""From settings to the compiled model of a run."""

import tensorflow as tf

from aag_tf.augment import Branch, build_views
from aag_tf.config import TrainConfig
from aag_tf.distribute.devices import jit_compile
from aag_tf.encoders import Description, build_encoder, build_networks
from aag_tf.losses import GNTXent, LearnedTemperature
from aag_tf.losses.temperature import Temperature
from aag_tf.optimizers import WeightAverage, build_optimizer
from aag_tf.training.model import AAG
from aag_tf.utils.errors import ConfigError


def build_model(
    config: TrainConfig,
    image_shape: tuple[int, int, int],
    *,
    total_steps: int,
    auxiliary: Branch | None = None,
    own_encoder: Description | None = None,
) -> AAG:
    """The compiled model of a run; call it inside the strategy's scope.

    Args:
        config: every setting of the run.
        image_shape: of the images, `(height, width, channels)`.
        total_steps: optimizer steps of the run.
        auxiliary: draws the auxiliary views in place of the preset that `config.aux` names.
        own_encoder: what the encoder is built from, in place of the one that `config.encoder` names.

    Raises:
        ConfigError: the settings do not fit each other, the images or the auxiliary branch.
    """
    encoder, projector = build_networks(config.encoder, config.projector, image_shape, own_encoder)
    average = None
    if config.optimizer.ema_momentum > 0:  # built last, so that it leaves the other networks' random weights alone
        second = build_encoder(config.encoder, image_shape, own_encoder)
        average = WeightAverage(encoder, second, config.optimizer.ema_momentum)
    if auxiliary is not None and config.schedule.accumulation_steps > 1 and config.augment.augment_on == "device":
        _refuse_other_views(auxiliary, image_shape)
    model = AAG(
        encoder,
        projector,
        build_views(config.augment, image_shape, auxiliary=auxiliary, jit_compile=config.schedule.jit_compile != "off"),
        seed=config.schedule.seed,
        average=average,
        accumulation_steps=config.schedule.accumulation_steps,
    )
    temperature: Temperature = config.loss.temperature
    if config.loss.learn_temperature:
        temperature = LearnedTemperature(config.loss.temperature, minimum=config.loss.temperature_minimum)
    loss = GNTXent(
        temperature=temperature,
        coupling=config.loss.coupling,
        aux_weight=config.loss.aux_weight,
        aux_negatives=config.loss.aux_negatives,
        form=config.loss.loss_form,
    )
    optimizer = build_optimizer(
        config.optimizer, total_steps=total_steps, global_batch_size=config.schedule.global_batch_size
    )
    model.compile(
        optimizer,
        loss,
        jit_compile=jit_compile(config.schedule, tf.distribute.get_strategy()),
        steps_per_execution=config.schedule.steps_per_execution,
    )
    model.optimizer.build(model.trained_variables)  # so that it can be restored
    return model


def _refuse_other_views(branch: Branch, image_shape: tuple[int, int, int]) -> None:
    """Refuses a branch that gives other views of the same images and numbers, as keras-cv's layers do."""
    images = tf.random.stateless_uniform([64, *image_shape], [0, 1], maxval=256.0)
    uniforms = tf.random.stateless_uniform([64, branch.num_uniforms], [0, 2])
    first, second = branch.transform(images, uniforms), branch.transform(images, uniforms)
    if not tf.reduce_all(first == second):
        raise ConfigError(
            "--accumulation_steps draws the views of an image twice, and the auxiliary branch that was given does not "
            "draw the same ones again; add --augment_on=host, or make it of layers that draw from a SeedGenerator."
        )
