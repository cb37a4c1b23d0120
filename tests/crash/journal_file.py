"""The journal's bytes as far as the tests damage them: where the frames of a segment begin and end (docs/journal-format.md)."""

import pathlib
import struct

HEADER = struct.Struct("<4sI56x")  # magic, length of the whole frame
MAGIC = b"WFJF"


def active_segment(data):
    return sorted((pathlib.Path(data) / "journal").glob("*.seg"))[-1]


def frames(path):
    """[(offset, length)] of the frames of a segment."""
    found = []
    offset = 0
    while True:
        header = read(path, offset, HEADER.size)
        if len(header) < HEADER.size:
            return found
        magic, length = HEADER.unpack(header)
        if magic != MAGIC:
            return found
        found.append((offset, length))
        offset += length


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def read(path, offset, length):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def flip(path, offset):
    """One bit of one byte."""
    overwrite(path, offset, bytes([read(path, offset, 1)[0] ^ 1]))
