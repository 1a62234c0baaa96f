"""The layer that draws all views of a batch, each from its own random numbers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment.branch import Branch
from aag_tf.augment.randomness import uniforms
from aag_tf.config import MAIN_VIEWS
from aag_tf.data import Images
from aag_tf.data.images.view_groups import Size, Views, stack_views, unstack_views
from aag_tf.data.images.windows import Window
from aag_tf.data.pipeline import Cutting, cut
from aag_tf.utils import seeds
from aag_tf.utils.errors import ConfigError


@keras.saving.register_keras_serializable(package="aag_tf")
class ViewMaker(keras.layers.Layer):
    """Draws two main views and any number of auxiliary views of each image.

    View `v` of the image in row `r` of the global batch at step `s` is a function of the image and (seed, v, s, r):
    neither the number of replicas nor an interruption changes it, and no two views share a random number.

    Input: a batch `{"image": uint8 or float [batch, height, width, channels] in [0, 255], "step": [batch],
    "row": [batch], ...}`. Output: the same with `"views"`, float32 `[batch, views, out_height, out_width, channels]` in
    [0, 255], in place of `"image"`. Where views are cut from files, the batch has `"crops"`, uint8 `[batch, views,
    out_height, out_width, channels]`, in place of `"image"`: the windows that `source_windows` chose.

    Where the auxiliary branch draws views of another size than the main branch, views and crops are tuples of two such
    tensors: of the main views, and of the auxiliary ones.

        >>> from aag_tf.augment import AuxiliaryBranch, MainBranch
        >>> maker = ViewMaker(MainBranch(), AuxiliaryBranch("cutout"))
        >>> images = tf.zeros([8, 32, 32, 3], tf.uint8)
        >>> maker({"image": images, "step": tf.zeros([8], tf.int64), "row": tf.range(8)}, seed=0)["views"].shape
        TensorShape([8, 3, 32, 32, 3])

    Args:
        main: branch of views 0 and 1.
        auxiliary: branch of all further views.
        aux_views: number of further views; `None` means one if there is an auxiliary branch, else none.
        **kwargs: of `keras.layers.Layer`; `dtype` has no effect.

    Raises:
        ConfigError: `aux_views` is negative, or positive without an auxiliary branch.
    """

    def __init__(
        self, main: Branch, auxiliary: Branch | None = None, aux_views: int | None = None, **kwargs: Any
    ) -> None:
        if aux_views is None:
            aux_views = 0 if auxiliary is None else 1
        if aux_views < 0:
            raise ConfigError(f"aux_views={aux_views} is out of range; it must be at least 0.")
        if aux_views > 0 and auxiliary is None:
            raise ConfigError(f"aux_views={aux_views} needs a branch to draw them; give one as auxiliary.")
        kwargs.pop("dtype", None)
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.built = True  # there are no weights to create
        self.main = main
        self.auxiliary = auxiliary
        self.aux_views = aux_views

    @property
    def num_views(self) -> int:
        """Number of views per image."""
        return MAIN_VIEWS + self.aux_views

    def branch_of(self, view: int) -> Branch:
        """Returns the branch that draws a view, counted from 0."""
        return self.main if view < MAIN_VIEWS or self.auxiliary is None else self.auxiliary

    def cutting(self, seed: int) -> Cutting:
        """Returns how the views of a run with this seed are cut out of source pictures."""

        def numbers(step: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return self.crop_numbers(seed=seed, step=step, row=row)

        return Cutting(numbers, self.source_windows, self.sizes)

    def sizes(self, image_shape: tuple[int, int, int]) -> tuple[Size, ...]:
        """Returns height and width of each view of images of a shape, `(height, width, channels)`."""
        return tuple(self.branch_of(view).output_size((None, *image_shape)) for view in range(self.num_views))

    def batch_of(
        self, images: Images, indices: Sequence[int] | npt.NDArray[np.int64], *, seed: int
    ) -> dict[str, tf.Tensor]:
        """Returns some images of a data set as the batch of step 0, in the way in which they are trained on.

        Args:
            images: the data set's.
            indices: of the images.
            seed: the run's seed.
        """
        where = {"step": tf.zeros([len(indices)], tf.int64), "row": tf.range(len(indices))}
        if images.has_sources:
            return {"crops": cut(images, indices, self.cutting(seed)), **where}
        return {"image": tf.constant(images.numpy(indices)), **where}

    def crop_numbers(self, *, seed: int, step: int | tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Returns the random numbers of a batch's views, float32 `[batch, num_uniforms]` each, for `source_windows`.

        Args:
            seed: the run's seed.
            step: the optimizer step, a scalar.
            row: integers `[batch]`, the position of each image in the global batch.
        """
        counts = [self.branch_of(view).num_uniforms for view in range(self.num_views)]
        return tuple(
            uniforms(seeds.fold(seed, "view", view), step, row, max(count, 1)) for view, count in enumerate(counts)
        )

    def source_windows(self, numbers: Sequence[tf.Tensor], aspect: tf.Tensor) -> Window:
        """Returns the parts of pictures that their views are made from, `[batch, views]`.

        Args:
            numbers: random numbers of each view, float32 `[batch, num_uniforms]`, as `crop_numbers` returns them.
            aspect: width / height of the pictures relative to that of a view, float32 `[batch]`.
        """
        windows = [self.branch_of(view).source_window(number, aspect) for view, number in enumerate(numbers)]
        return Window(*(tf.stack(sides, axis=1) for sides in zip(*windows, strict=True)))

    def make(
        self,
        images: Views,
        *,
        seed: int,
        step: int | tf.Tensor,
        row: tf.Tensor,
        cropped: bool = False,
    ) -> Views:
        """Draws all views of images.

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 255].
            seed: the run's seed.
            step: the optimizer step, a scalar.
            row: integers `[batch]`, the position of each image in the global batch.
            cropped: whether `images` are parts of pictures for each view, `[batch, views, out_height, out_width,
                channels]` (of two sizes a tuple of two), that `source_windows` chose by the same numbers.

        Returns:
            float32 `[batch, views, out_height, out_width, channels]` in [0, 255], of two sizes a tuple of two.
        """
        views, sizes = [], []
        for view, own in enumerate(unstack_views(images) if cropped else [images] * self.num_views):
            branch, numbers = self.branch_of(view), seeds.fold(seed, "view", view)
            views.append(branch.draw(own, seed=numbers, step=step, row=row, cropped=cropped))
            sizes.append(branch.output_size(own.shape))
        return stack_views(views, sizes)

    @override
    def call(self, batch: dict[str, Any], *, seed: int) -> dict[str, Any]:
        step = tf.reshape(batch["step"], [-1])[0]
        cropped = "crops" in batch
        views = self.make(
            batch["crops" if cropped else "image"], seed=seed, step=step, row=batch["row"], cropped=cropped
        )
        return {"views": views, **{name: value for name, value in batch.items() if name not in ("image", "crops")}}

    @override
    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "main": keras.saving.serialize_keras_object(self.main),
            "auxiliary": keras.saving.serialize_keras_object(self.auxiliary),
            "aux_views": self.aux_views,
        }

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "ViewMaker":
        branches = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("main", "auxiliary")}
        return cls(**{**config, **branches})
