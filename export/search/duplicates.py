"""`--duplicates`: groups of near-duplicates of a collection."""

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.search.near_duplicates import near_duplicates
from aag_tf.export.search.report import Answer, Part
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted

GROUPS_NAMED = 10  # on the terminal
PATHS_NAMED = 4


def find_duplicates(config: SearchConfig, collection: Collection) -> Answer:
    """Finds near-duplicates."""
    assert config.duplicates is not None
    count = len(collection)
    logger.info("Comparing all %s pairs of %s images.", f"{count * (count - 1) // 2:,}", f"{count:,}")
    found = near_duplicates(collection, config.duplicates)
    rows = [int(row) for group in found.groups for row in group]
    path_of = dict(zip(rows, collection.paths_of(rows), strict=True))
    table, parts, lines = [], [], [""]
    for number, (group, similarities) in enumerate(zip(found.groups, found.similarities, strict=True), 1):
        highest = [round(min(float(value), 1.0), 6) for value in similarities]
        members = list(map(int, group))
        table += [(number, row, path_of[row], value) for row, value in zip(members, highest, strict=True)]
        heading = f"Group {number:,}: {counted(len(members), 'image')}"
        parts.append(Part(members, [f"{value:.4f}" for value in highest], heading))
        if number <= GROUPS_NAMED:
            more = f" and {len(members) - PATHS_NAMED:,} more" if len(members) > PATHS_NAMED else ""
            lines.append(f"{len(members):6,d} images: {', '.join(path_of[row] for row in members[:PATHS_NAMED])}{more}")
    if len(found.groups) > GROUPS_NAMED:
        lines.append(f"  ... and {counted(len(found.groups) - GROUPS_NAMED, 'group')} more")
    summary = (
        f"{len(rows):,} of {count:,} images are in {counted(len(found.groups), 'group')} of near-duplicates: "
        f"{counted(found.num_pairs, 'pair')} with a cosine similarity of at least {config.duplicates:g}."
    )
    pairs = [
        {"rows": [int(first), int(second)], "similarity": round(min(float(value), 1.0), 6)}
        for first, second, value in zip(*found.pairs, strict=True)
    ]
    facts = {"groups": len(found.groups), "num_pairs": found.num_pairs, "pairs": pairs}
    columns = ("group", "row", "path", "similarity")
    return Answer("Near-duplicates", summary, columns, table, parts, lines if found.groups else (), facts)
