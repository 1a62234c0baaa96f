"""Understands sub-folders that are splits, alone, beside others, or with classes in their names."""

from collections.abc import Mapping

from aag_tf.config.layout import HERE, Part
from aag_tf.data.layouts.folder_tree import Folder
from aag_tf.data.layouts.layout import Layout, are_few, train_on
from aag_tf.data.layouts.refusals import flag_for, listed, splits_flag, unclear
from aag_tf.data.layouts.split_names import ASIDE, TEST, TRAIN, VALIDATION, are_folds, split_name
from aag_tf.utils.errors import DataError


def by_split_folders(top: Folder, name: str, *, one_class: bool) -> Layout | None:
    """Understands sub-folders that are splits, alone or beside others; `None` where none is named like one."""
    roles = roles_of(top.folders)
    meant = {own: role for own, role in roles.items() if role is not None}
    others = [own for own in roles if own not in meant]
    if not meant:
        _refuse_folds(top, name)
        return _split_and_class(top, name)
    if others and _named_by_chance(top, meant, others):
        alone = splits_flag(tuple(Part(TRAIN, top.folders[own].path) for own in meant))
        note = f"{listed(meant)} of {name} is taken for a class like {listed(others)}; {alone} trains on it alone."
        return Layout(train_on(top), "no sub-folder is taken for a split", (note,))
    notes = []
    if top.images and (TRAIN in meant.values() or others) and not are_few(top.images, top.below):
        raise unclear(top, name, f"{top.images:,} images beside its sub-folders {listed(top.folders)}", meant)
    twice = [[own for own in meant if meant[own] == role] for role in (TRAIN, VALIDATION, TEST)]
    for names in twice:
        if len(names) > 1:
            raise unclear(top, name, f"several sub-folders for one split, {listed(names)}", meant)
    folder_of = {role: top.folders[own] for own, role in meant.items()}
    aside = folder_of.pop(ASIDE, None)
    if TRAIN not in folder_of and not others and aside is not None:
        folder_of[TRAIN], aside = aside, None
    if TRAIN not in folder_of:
        return _train_beside(top, name, folder_of, others)
    if others:
        raise unclear(
            top, name, f"sub-folders named like splits ({listed(meant)}) and others ({listed(others)})", meant
        )
    if aside is not None:
        parts = tuple(Part(role, folder.path) for role, folder in folder_of.items())
        flag = splits_flag((*parts, Part(TRAIN, aside.path)))
        notes.append(f"{aside.total:,} images in {aside.path} are left out; {flag} trains on them too.")
    inner = _within(folder_of, one_class=one_class)
    parts = tuple(Part(role, inner[role].path or HERE) for role in (TRAIN, VALIDATION, TEST) if role in inner)
    return Layout(parts, f"sub-folders {listed(folder.path for folder in folder_of.values())}", tuple(notes))


def roles_of(folders: Mapping[str, Folder]) -> dict[str, str | None]:
    """Returns the split that each name means, `None` for no split.

    Names with other words (`seg_train`) mean one where names beside them have the same words and other splits.
    """
    found = {own: split_name(own) for own in folders}
    kinds: dict[tuple[str, ...], set[str]] = {}
    for each in found.values():
        if each is not None:
            kinds.setdefault(each.rest, set()).add(each.role)
    groups = [rest for rest in kinds if rest]
    alike = {rest for rest in groups if len(groups) == 1 and TRAIN in kinds[rest] and len(kinds[rest]) > 1}
    return {
        own: each.role if each is not None and (not each.rest or each.rest in alike) else None
        for own, each in found.items()
    }


def _named_by_chance(top: Folder, meant: Mapping[str, str], others: list[str]) -> bool:
    """Whether what looks like a split is a class: `train` beside `bus` and `car`, `valid` beside `invalid`."""
    if any(top.folders[own].folders for own in meant) or any(split_name(own) is not None for own in others):
        return False
    opposites = {f"{prefix}{own.lower()}" for own in meant for prefix in ("in", "not_", "non_", "un")}
    opposed = set(meant.values()) == {VALIDATION} and bool(opposites & {own.lower() for own in others})
    return opposed or set(meant.values()) == {TRAIN}


def _train_beside(top: Folder, name: str, folder_of: dict[str, Folder], others: list[str]) -> Layout:
    """Understands held-out folders beside the classes, or beside the images, to train on."""
    held_out = tuple(Part(role, folder.path) for role, folder in folder_of.items())
    names = listed(folder.path for folder in folder_of.values())
    if not others and are_few(top.images, top.below):
        raise DataError(
            f"{name} has {names} and no images to train on; name the folder to train on with --splits=train=DIR, or "
            f"take these images as they are with {flag_for(name, next(iter(folder_of.values())).path)}."
        )
    related = all(set(folder.folders) <= set(others) for folder in folder_of.values())
    if others and (len(others) < 2 or not related or ASIDE in folder_of):
        raise unclear(
            top, name, f"sub-folders named like splits ({names}) and others ({listed(others)})", roles_of(top.folders)
        )
    parts = (Part(TRAIN, top.path or HERE), *held_out)
    note = f"{names} of {name} is held out, and {listed(others) if others else 'the images beside it'} trained on."
    return Layout(parts, "sub-folders", (note,))


def _within(folder_of: Mapping[str, Folder], *, one_class: bool) -> dict[str, Folder]:
    """Looks through folders that only wrap the images or the classes of a split."""
    shared = {own for folder in folder_of.values() for own in folder.folders if len(folder.folders) > 1}
    inner = {TRAIN: _inside(folder_of[TRAIN], shared, one_class=one_class)}
    known = shared | (set(inner[TRAIN].folders) if len(inner[TRAIN].folders) > 1 else set())
    for role, folder in folder_of.items():
        if role != TRAIN:
            inner[role] = _inside(folder, known, one_class=one_class)
    return inner


def _inside(folder: Folder, classes: set[str], *, one_class: bool) -> Folder:
    while folder.images == 0 and len(folder.folders) == 1:
        ((own, below),) = folder.folders.items()
        if own in classes or (one_class and not below.folders):
            break
        folder = below
    return folder


def _split_and_class(top: Folder, name: str) -> Layout | None:
    """Understands names that hold split and class, as `trainA`, `trainB`, `testA`, `testB`."""
    found = {own: split_name(own) for own in top.folders}
    named = {own: each for own, each in found.items() if each is not None and each.role != ASIDE}
    roles = {each.role for each in named.values()}
    if TRAIN not in roles or len(roles) < 2:
        return None
    parts: set[Part] = set()
    for own, each in named.items():
        pattern = _with_star(own, each.rest)
        if pattern is None or top.folders[own].folders:
            parts = set()
            break
        parts.add(Part(each.role, f"{top.path}/{pattern}" if top.path else pattern))
    if not parts or len(parts) != len(roles) or len(named) < len(found) or not are_few(top.images, top.below):
        meant = {own: each.role for own, each in named.items()}
        raise unclear(top, name, f"sub-folders with words of splits in their names ({listed(named)})", meant)
    ordered = tuple(sorted(parts, key=lambda part: (TRAIN, VALIDATION, TEST).index(part.role)))
    return Layout(ordered, "split and class in the names of sub-folders")


def _with_star(name: str, words: tuple[str, ...]) -> str | None:
    """Returns a name with `*` for the one word at its end or its beginning; `None` for other names."""
    if len(words) != 1:
        return None
    if name.lower().endswith(words[0]):
        return name[: -len(words[0])] + "*"
    return "*" + name[len(words[0]) :] if name.lower().startswith(words[0]) else None


def _refuse_folds(top: Folder, name: str) -> None:
    if are_folds(list(top.folders)):
        last = list(top.folders)[-1]
        meant = {own: TEST if own == last else TRAIN for own in top.folders}
        raise unclear(top, name, f"sub-folders named like folds ({listed(top.folders)})", meant)
