"""What makes a run's input faster, by where its images come from and by what limits it: cores, or reading."""

import dataclasses
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from aag_tf.config import AugmentConfig, DataConfig, LayoutConfig, ReadingConfig, to_flat
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images import memory
from aag_tf.data.images.base import Images
from aag_tf.data.pack.source import KEPT_IN_MEMORY
from aag_tf.data.sources.file_kinds import LISTERS, each_data_set
from aag_tf.utils.cache import CACHE_VARIABLE, cache_directory
from aag_tf.utils.stores import is_store
from aag_tf.utils.text import command_line

BUSY = 0.8  # share of the usable cores above which they are the limit, and not what images are read from
_LOST = "views then show at most the centered part of a picture, and small ones are less sharp"


@dataclasses.dataclass(frozen=True)
class Cores:
    """CPU cores, on average over some time.

    Args:
        used: kept busy by this process.
        others: kept busy by other processes.
        usable: that this process may use.
        present: that the machine has.
    """

    used: float
    others: float
    usable: float
    present: int

    @property
    def are_used(self) -> bool:
        """Whether this process has next to no idle core left."""
        return self.used >= BUSY * self.usable

    @property
    def are_busy(self) -> bool:
        """Whether there is next to no idle core, whoever uses them."""
        return self.are_used or self.used + self.others >= BUSY * self.present


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputOfRun:
    """What the advice depends on.

    Args:
        data: as the run records it, with the layout that was found.
        augment: settings of the views.
        images: those that are trained on.
        total: images of all splits.
        on_gpu: whether the encoder runs on GPUs, so that its work does not take the cores of the input.
    """

    data: DataConfig
    augment: AugmentConfig
    images: Images
    total: int
    on_gpu: bool

    def cause(self, cores: Cores) -> str:
        """Returns what limits the input, in words that follow the number of cores that are busy with the run."""
        if cores.are_used:
            return "which is all of them"
        if cores.are_busy:
            return f"since other processes kept {cores.others:.1f} busy"
        if self.images.storage.kind == "memory":
            return "although the images are in memory"
        if self.images.storage.kind == "elements":
            return "since Python reads the images, one core at a time"
        return "so that the cores wait for what the images are read from"

    def advice(self, cores: Cores) -> list[str]:
        """Returns what helps, the most effective first."""
        kind, limit = self.images.storage.kind, "cores" if cores.are_busy else "reading"
        lines = [*self._of_device()]
        if kind in ("files", "pack"):
            lines += [*self._by_packing(limit), *self._by_memory()]
        if kind in ("memory_map", "elements"):
            lines += self._from_python(kind)
        if limit == "cores":
            lines += [*self._by_fewer_views(), _more_cores(cores)]
        elif kind in ("files", "pack", "memory_map"):
            lines += self._by_disk()
        return lines or [_more_cores(cores)]

    def _of_device(self) -> Iterator[str]:
        if self.augment.augment_on == "host" and self.on_gpu:
            yield "views drawn on the GPU: stop the run, and go on with --resume --augment_on=device"

    def _by_packing(self, limit: str) -> Iterator[str]:
        """A pack of smaller pictures, or of pixels where views need no more and decoding is what takes time."""
        storage, shape, cut = self.images.storage, self.images.shape, self.images.has_sources
        if storage.pixels or self.data.reading.pages != ReadingConfig.pages:
            return
        side = small_side(shape)
        has_small = storage.side is not None and storage.side <= side
        if cut or limit == "reading":
            if not has_small:
                packs = self._packs(f"--side={side}", f"-{side}")
                what, crop = (
                    ("smaller pictures, with fewer details", " --crop_from=source") if cut else ("smaller files", "")
                )
                yield f"{what}, in a new run: {packs}{crop}"
                return
            if limit == "reading":
                return
        height, width, _ = shape
        loss = f"; {_LOST}" if cut else ""
        packs = self._packs("--form=raw", "-raw", f"--image_size={height}x{width}")
        yield f"pixels, which need no decoding ({self._room}), in a new run: {packs}{loss}"

    def _by_memory(self) -> Iterator[str]:
        """Images of one size, kept in memory, where they fit."""
        limit = memory.MEMORY_LIMIT
        if self.images.storage.kind == "pack":
            limit = min(limit, KEPT_IN_MEMORY)
        if self.images.has_sources and self._bytes <= limit:
            yield f"images kept in memory ({self._room}), in a new run: --crop_from=image; {_LOST}"

    def _from_python(self, kind: str) -> Iterator[str]:
        fits = self._bytes <= memory.MEMORY_LIMIT
        if kind == "memory_map" and fits:
            yield f"the array read into memory ({self._room}): train(images=np.array(images))"
        if kind == "elements":
            if fits:
                yield f"all images in one uint8 array ({self._room}), passed to train(images=...)"
            yield "a tf.data.Dataset of the same elements, which train(images=...) packs once before its first step"

    def _by_fewer_views(self) -> Iterator[str]:
        made_by_cores = self.images.has_sources or self.augment.augment_on == "host"
        if made_by_cores and self.augment.num_aux_views:
            flag = "--aux_views=1" if self.augment.num_aux_views > 1 else "--aux=none"
            yield f"fewer views, in a new run, which then learns from less: {flag}"

    def _by_disk(self) -> Iterator[str]:
        yield "more memory, from which the system reads again what was read before"
        if any(is_store(name.partition(":")[2]) for name in self.data.datasets):
            yield f"a faster disk for the copies from the store: they lie in {cache_directory()} ({CACHE_VARIABLE})"
        else:
            yield "a local or a faster disk for the images"

    @property
    def _bytes(self) -> int:
        """Size of all images as pixels of one size."""
        return self.total * math.prod(self.images.shape)

    @property
    def _room(self) -> str:
        """The same in words."""
        return f"{self._bytes / 2**30:,.1f} GiB" if self._bytes >= 2**29 else f"{self._bytes / 2**20:,.1f} MiB"

    def _packs(self, form: str, suffix: str, *more: str) -> str:
        """The commands that pack what is not in memory, and the flag that trains on it."""
        parts = each_data_set(self.data)
        if all(part.dataset.partition(":")[0] in LISTERS for part in parts):
            parts = [self.data]
        commands, names = [], []
        for part in parts:
            scheme = part.dataset.partition(":")[0]
            if scheme not in (*LISTERS, "pack"):  # in memory already
                names.append(part.dataset)
                continue
            output = _new_directory(part.dataset, suffix, names)
            flags = [f"--{name}={value}" for name, value in _changed(part)]
            dataset = f"--dataset={part.dataset}"
            commands.append(f"`{command_line('aag-pack', dataset, *flags, form, *more, f'--output={output}')}`")
            names.append(f"pack:{output}")
        dataset = f"--dataset={','.join(names)}"
        return f"{', '.join(commands)}, then {command_line(dataset)}"


def small_side(shape: Shape) -> int:
    """The shorter side of pictures that suffice for views of a shape: 256 pixels for 224, as is usual."""
    return max(16, 16 * math.ceil(min(shape[:2]) * 8 / 7 / 16))


def _more_cores(cores: Cores) -> str:
    if cores.are_busy and not cores.are_used:
        return "the cores that other processes use"
    if cores.usable < cores.present:
        return f"more CPU cores: this process may use {cores.usable:g} of the {cores.present} of this machine"
    return f"a machine with more CPU cores than {cores.present}"


def _changed(data: DataConfig) -> Iterator[tuple[str, object]]:
    """The settings of a data set that its pack must have been made with."""
    scheme = data.dataset.partition(":")[0]
    layout, reading = (to_flat(each) for each in (data.layout, data.reading))
    defaults = {**to_flat(LayoutConfig()), **to_flat(ReadingConfig())}
    for name, value in ({**layout, **reading} if scheme in LISTERS else reading).items():
        if value != defaults[name] and name != "shown_bands":
            yield name, value


def _new_directory(dataset: str, suffix: str, taken: list[str]) -> str:
    """Returns a name for a pack that no file has."""
    last = Path(dataset.split(",", 1)[0].partition(":")[2].rstrip("/*")).name
    stem = re.sub(r"[^\w.-]+", "-", os.path.splitext(last)[0]).strip("-.") or "images"
    number = 1
    while True:
        name = f"packs/{stem}{suffix}{'' if number == 1 else f'-{number}'}"
        if not os.path.lexists(name) and f"pack:{name}" not in taken:
            return name
        number += 1
