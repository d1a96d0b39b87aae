"""Disks that can be filled: small file systems of their own, which run.sh
mounts where that is allowed.  FAULT_DISKS names the directory that has them:

    wal      PostgreSQL's pg_wal
    slots    pg_replslot, where large transactions spill as well
    kafka    the broker's logs; of three, the first one's

Full means that a file takes all that is free.
"""
import os
import pathlib

NAMES = ("wal", "slots", "kafka")
_BALLAST = "ballast"


def find():
    """{name: directory}; empty where there are none."""
    where = os.environ.get("FAULT_DISKS")
    return {name: pathlib.Path(where) / name for name in NAMES} \
        if where else {}


def fill(directory):
    """Takes what is free."""
    fd = os.open(directory / _BALLAST, os.O_WRONLY | os.O_CREAT)
    try:
        size = 0
        for step in (16 << 20, 1 << 20, 1 << 12):
            try:
                while True:
                    os.posix_fallocate(fd, size, step)
                    size += step
            except OSError:
                pass            # no more of that size
    finally:
        os.close(fd)


def empty(directory):
    (directory / _BALLAST).unlink(missing_ok=True)
