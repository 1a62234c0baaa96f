"""Edits of a JSON record, one field at a time, as a stranger or a disk may make them."""

import copy
import hashlib
import json
import resource

from aag_tf.utils.errors import AagError

MOST_MEMORY = 64 * 2**20  # that all edits of a record may take beyond what reading it takes
MISSING = object()
LONGEST = 1000  # characters of a refusal
SMALL = 1000  # bytes of a record whose every field gets every value
STRIDE = 5  # of larger ones each field gets every fifth value, and the next field the next
VALUES = [
    *(MISSING, None, True, -1, 0, 0.5, 2**31, 10**30, 10**400, 1e300, float("nan"), "", "x", "\x1b[31m\n", "\ud800"),
    *([], {}, [None], ["x"] * 3, [1] * 3, [2**40] * 3, {"x": None}, {"": {"": []}}, "9" * 5000, "/proc/self/mem"),
]
DAMAGED = [
    *(b"", b"\x00" * 64, b"\xff\xfe{}", b"[]", b"1", b'"x"', b"{}", b"null", b'{"a": '),
    *(b"[" * 100_000, b'{"a":' * 100_000),
]


def fields(content, path=()):
    """Yields the path of every entry of nested JSON, also of objects and lists themselves."""
    if path:
        yield path
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield from fields(value, (*path, key))


def edited(content, path, value):
    """Returns a copy of nested JSON with one entry replaced, or left out."""
    changed = copy.deepcopy(content)
    *parents, last = path
    place = changed
    for key in parents:
        place = place[key]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return changed


def sealed(content):
    """Returns a manifest with the digest of its own content, as a stranger would compute it."""
    facts = {key: value for key, value in content.items() if key != "sha256"}
    return facts | {"sha256": hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}


def try_every_edit(file, use, *, refusals=AagError, seal=lambda content: content):
    """Edits a file in every way and uses it each time.

    Args:
        file: the record; as it was written again at the end.
        use: reads it; raises `refusals` or nothing.
        refusals: classes of errors that are sentences.
        seal: changes the content before it is written.

    Returns:
        How many edits were accepted and refused.
    """
    before = file.read_bytes()
    use()
    content = json.loads(before)
    counts = {"accepted": 0, "refused": 0}
    sentences = []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def attempt(data, what):
        file.write_bytes(data)
        try:
            use()
            counts["accepted"] += 1
        except refusals as error:
            counts["refused"] += 1
            sentences.append((what, str(error)))
        except Exception as error:
            raise AssertionError(f"{file.name}, {what}: {type(error).__name__}: {error}"[:600]) from error

    for data in DAMAGED:
        attempt(data, ("all", repr(data[:20])))
    for number, path in enumerate(fields(content)):
        for value in VALUES if len(before) < SMALL else VALUES[number % STRIDE :: STRIDE]:
            changed = seal(edited(content, path, value))
            attempt(json.dumps(changed).encode("utf-8", "surrogatepass"), (path, repr(value)[:40]))
    file.write_bytes(before)
    use()
    assert [pair for pair in sentences if len(pair[1]) > LONGEST or ("\n" in pair[1] and "\\n" not in pair[0][1])] == []
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    assert grown < MOST_MEMORY, f"{file.name}: {grown / 2**20:.0f} MiB"
    return counts
