"""Lets the kernel refuse what a process writes to one open file, as where a disk fails; for a process of its own."""

import ctypes
import errno
import os
import platform
from pathlib import Path

import pytest

# Of <linux/filter.h>, <linux/seccomp.h>, <linux/prctl.h> and the table of system calls of x86-64.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets
ALLOW, FAIL = 0x7FFF0000, 0x00050000
NO_NEW_PRIVILEGES, SECCOMP, FILTER, ALL_THREADS = 38, 317, 1, 1
WRITES = {"write": 1, "pwrite64": 18, "writev": 20, "fsync": 74, "fdatasync": 75}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def require_filters() -> None:
    """Skips the test where the system calls are others."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        pytest.skip("needs Linux on x86-64")


def fail_writes(path: Path, code: int = errno.EIO) -> None:
    """Makes every further write to a file that this process has open fail; that cannot be undone."""
    opened = next(int(link.name) for link in Path("/proc/self/fd").iterdir() if _leads_to(link, path))
    calls = [(JUMP_IF_EQUAL, len(WRITES) - index, 0, call) for index, call in enumerate(WRITES.values())]
    program = [
        (LOAD, 0, 0, NUMBER),
        *calls,
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_IF_EQUAL, 0, 1, opened),
        (RETURN, 0, 0, FAIL | code),
        (RETURN, 0, 0, ALLOW),
    ]
    filters = (_Instruction * len(program))(*(_Instruction(*each) for each in program))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    done = libc.syscall(SECCOMP, FILTER, ALL_THREADS, ctypes.byref(_Program(len(program), filters)))
    assert done == 0, os.strerror(ctypes.get_errno())


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return os.path.samefile(link, path)
    except OSError:
        return False
