"""Takes from a process of root what lets root read and write whatever the rights of files say."""

import ctypes
import os

# capabilities(7): the call's version, and the capabilities that pass over the rights of files.
VERSION_3 = 0x20080522
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def obey_rights() -> None:
    """Holds this thread, and those that it starts, to the rights of files; its own files stay its own.

    Becoming another user would do so too, but that one may have no right to read Python itself.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(VERSION_3, 0), (_Sets * 2)()
    _check(libc.capget(ctypes.byref(header), sets))
    left = ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH)
    for name in ("effective", "permitted", "inheritable"):
        setattr(sets[0], name, getattr(sets[0], name) & left)
    _check(libc.capset(ctypes.byref(header), sets))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
