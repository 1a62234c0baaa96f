"""From settings to the compiled model of a run."""

import tensorflow as tf

from aag_tf.augment import Branch, build_views
from aag_tf.config import LossConfig, TrainConfig
from aag_tf.config.start import read_freeze_until
from aag_tf.distribute.devices import jit_compile
from aag_tf.encoders import Description, build_encoder, build_networks, encoder_of_views
from aag_tf.encoders.layer_order import freeze, rate_factors
from aag_tf.losses import GNTXent, LearnedTemperature
from aag_tf.losses.temperature import Temperature
from aag_tf.optimizers import LayerRates, WeightAverage, build_optimizer
from aag_tf.training.model import AAG
from aag_tf.utils.errors import ConfigError


def build_model(
    config: TrainConfig,
    image_shape: tuple[int, int, int],
    *,
    total_steps: int,
    auxiliary: Branch | None = None,
    custom_encoder: Description | None = None,
) -> AAG:
    """Builds and compiles the model of a run; call it inside the strategy's scope.

    Args:
        config: every setting of the run.
        image_shape: of the images, `(height, width, channels)`.
        total_steps: optimizer steps of the run.
        auxiliary: draws the auxiliary views in place of the preset that `config.augment.aux` names.
        custom_encoder: what the encoder is built from, in place of the one that `config.encoder` names.

    Raises:
        ConfigError: the settings do not fit each other, the images or the auxiliary branch.
    """
    schedule = config.schedule
    encoder, projector = build_networks(config.encoder, config.projector, image_shape, custom_encoder)
    if config.start.freeze_until is not None:
        freeze(encoder, read_freeze_until(config.start.freeze_until))
    average = None
    if config.optimizer.ema_momentum > 0:  # built last, so that the random weights of the others do not depend on it
        second = build_encoder(config.encoder, image_shape, custom_encoder)
        average = WeightAverage(encoder, second, config.optimizer.ema_momentum)
    if auxiliary is not None and schedule.accumulation_steps > 1 and config.augment.augment_on == "device":
        _check_repeatable(auxiliary, image_shape)
    views = build_views(config.augment, image_shape, auxiliary=auxiliary, jit_compile=schedule.jit_compile != "off")
    main_size, *_, last_size = views.sizes(image_shape)
    model = AAG(
        encoder,
        projector,
        views,
        auxiliary_encoder=None if last_size == main_size else encoder_of_views(encoder, config.encoder, last_size),
        seed=schedule.seed,
        average=average,
        accumulation_steps=schedule.accumulation_steps,
    )
    model.compile(
        build_optimizer(
            config.optimizer,
            total_steps=total_steps,
            global_batch_size=schedule.global_batch_size,
            layer_rates=LayerRates(
                tuple(rate_factors(encoder, config.start.layer_decay)), config.start.init_warmup_steps
            ),
        ),
        _build_loss(config.loss),
        jit_compile=jit_compile(schedule, tf.distribute.get_strategy()),
        steps_per_execution=schedule.steps_per_execution,
    )
    model.optimizer.build(model.trained_variables)  # so that it can be restored
    return model


def _build_loss(config: LossConfig) -> GNTXent:
    temperature: Temperature = config.temperature
    if config.learn_temperature:
        temperature = LearnedTemperature(config.temperature, minimum=config.temperature_minimum)
    return GNTXent(
        temperature=temperature,
        coupling=config.coupling,
        aux_weight=config.aux_weight,
        aux_negatives=config.aux_negatives,
        positives=config.positives,
        dclw_sigma=config.dclw_sigma,
        rince_q=config.rince_q,
        rince_lambda=config.rince_lambda,
        normalization_gradient=config.normalization_gradient,
        form=config.loss_form,
    )


def _check_repeatable(branch: Branch, image_shape: tuple[int, int, int]) -> None:
    """Rejects a branch that draws other views from the same images and numbers, as layers of keras-cv do."""
    images = tf.random.stateless_uniform([64, *image_shape], [0, 1], maxval=256.0)
    uniforms = tf.random.stateless_uniform([64, branch.num_uniforms], [0, 2])
    first, second = branch.transform(images, uniforms), branch.transform(images, uniforms)
    if not tf.reduce_all(first == second):
        raise ConfigError(
            "--accumulation_steps draws the views of an image twice, and the auxiliary branch that was given does not "
            "draw the same ones again; add --augment_on=host, or make it of layers that draw from a SeedGenerator."
        )
