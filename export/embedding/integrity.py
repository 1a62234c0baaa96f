"""Whether the files of an output are as they were written: cheaply when it is opened, byte for byte when asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.output_directory import AnyManifest, OutputDirectory
from aag_tf.export.embedding.shards import ShardFacts, fault_of_unknown, reporting_unreadable
from aag_tf.utils.progress import progress_bar


def fault_of_shard(
    output: OutputDirectory[AnyManifest], manifest: AnyManifest, number: int, ranges: Sequence[range], *, full: bool
) -> str | None:
    """Returns what is wrong with a Parquet file, as a phrase whose subject is the file; `None` if nothing is.

    Args:
        output: the output.
        manifest: its manifest.
        number: of the file.
        ranges: the rows of every file.
        full: whether every byte is compared; otherwise size and footer.

    Raises:
        EmbeddingError: the disk cannot be read now.
    """
    path = output.shard(number, len(ranges))
    facts = (manifest.files or {}).get(output.name_of(path))
    if facts is None:  # of an earlier version, or of a process that was killed before it had noted them
        return fault_of_unknown(path, len(ranges[number]), full=full)
    with reporting_unreadable(path):
        return facts.fault(path, full=full)


def faults_of_others(output: Output, manifest: Manifest) -> Iterator[tuple[Path, str]]:
    """Yields the other files of an output that are missing or damaged, each with what is wrong.

    Raises:
        EmbeddingError: the disk cannot be read now.
    """
    for path in (output.vectors, output.names) if manifest.settings.numpy else ():
        facts = (manifest.files or {}).get(output.name_of(path))
        with reporting_unreadable(path):
            fault = facts.fault(path) if facts is not None else None if path.exists() else "is missing"
        if fault is not None:
            yield path, fault


def is_intact(
    output: OutputDirectory[AnyManifest], manifest: AnyManifest, number: int, ranges: Sequence[range]
) -> bool:
    """Whether a Parquet file is as it was written, byte for byte; one that is damaged is set aside.

    Raises:
        EmbeddingError: the disk cannot be read now.
        OSError: a damaged file cannot be set aside.
    """
    fault = fault_of_shard(output, manifest, number, ranges, full=True)
    path = output.shard(number, len(ranges))
    if fault is not None and path.exists():
        output.set_aside(path, fault)
    return fault is None


def intact_shards(
    output: OutputDirectory[AnyManifest], manifest: AnyManifest, ranges: Sequence[range]
) -> dict[int, ShardFacts]:
    """Returns the facts of the Parquet files that are as they were written, by their numbers; sets damaged ones aside.

    Raises:
        EmbeddingError, OSError: as `is_intact`.
    """
    found: dict[int, ShardFacts] = {}
    with progress_bar("verifying", len(ranges), "file") as bar:
        for number in range(len(ranges)):
            if is_intact(output, manifest, number, ranges):
                path = output.shard(number, len(ranges))
                facts = (manifest.files or {}).get(output.name_of(path))
                found[number] = facts if isinstance(facts, ShardFacts) else ShardFacts.of(path)
            bar.update()
    return found
