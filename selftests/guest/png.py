#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""PPM to PNG and back, for pictures of 8 bits a channel without alpha:

    png.py encode IN.ppm OUT.png
    png.py decode IN.png OUT.ppm

Enough of PNG for screendumps. The decoder reads what others write, too:
all row filters, no interlace.
"""
import re
import struct
import sys
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


class BadPicture(Exception):
    """Not a file that can be read here."""


def read_ppm(data):
    """(width, height, pixels) of a binary PPM."""
    head = re.match(rb"P6\s+(?:#.*\s+)*(\d+)\s+(\d+)\s+255\s", data)
    if not head:
        raise BadPicture("no binary PPM of 8 bits a channel")
    width, height = int(head[1]), int(head[2])
    pixels = data[head.end():]
    if len(pixels) != width * height * 3:
        raise BadPicture("not as long as its header says")
    return width, height, pixels


def write_ppm(width, height, pixels):
    return b"P6\n%d %d\n255\n" % (width, height) + pixels


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def write_png(width, height, pixels):
    """A PNG whose rows are each stored as they are or as the row above plus
    a difference, whichever a row repeats better by."""
    stride = width * 3
    rows = []
    above = None
    for start in range(0, len(pixels), stride):
        row = pixels[start:start + stride]
        if row == above:
            rows.append(b"\2" + bytes(stride))
        else:
            rows.append(b"\0" + row)
        above = row
    return (SIGNATURE +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) +
            chunk(b"IEND", b""))


def paeth(left, up, corner):
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def unfilter(how, row, above):
    """A row of pixels from its filtered form, in place."""
    if how == 1:
        for i in range(3, len(row)):
            row[i] = (row[i] + row[i - 3]) & 255
    elif how == 2:
        if any(row):
            for i, up in enumerate(above):
                row[i] = (row[i] + up) & 255
        else:
            row[:] = above
    elif how in (3, 4):
        for i, up in enumerate(above):
            left = row[i - 3] if i >= 3 else 0
            corner = above[i - 3] if i >= 3 else 0
            guess = (left + up) // 2 if how == 3 else paeth(left, up, corner)
            row[i] = (row[i] + guess) & 255
    elif how:
        raise BadPicture(f"row filter {how}")


def read_png(data):
    """(width, height, pixels) of a PNG."""
    if not data.startswith(SIGNATURE):
        raise BadPicture("no PNG")
    at, packed, head = len(SIGNATURE), b"", None
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        crc, = struct.unpack_from(">I", data, at + 8 + size)
        if crc != zlib.crc32(kind + body):
            raise BadPicture(f"checksum of {kind.decode('latin-1')} is wrong")
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    if not head or head[2:] != (8, 2, 0, 0, 0):
        raise BadPicture("only plain RGB of 8 bits a channel is read here")
    width, height = head[:2]
    stride = width * 3
    raw = zlib.decompress(packed)
    if len(raw) != (stride + 1) * height:
        raise BadPicture("not as much data as its header says")
    above, out = bytearray(stride), []
    for start in range(0, len(raw), stride + 1):
        row = bytearray(raw[start + 1:start + 1 + stride])
        unfilter(raw[start], row, above)
        out.append(bytes(row))
        above = row
    return width, height, b"".join(out)


def main(argv):
    if len(argv) != 4 or argv[1] not in ("encode", "decode"):
        sys.stderr.write(__doc__)
        return 2
    try:
        with open(argv[2], "rb") as file:
            data = file.read()
        if argv[1] == "encode":
            out = write_png(*read_ppm(data))
        else:
            out = write_ppm(*read_png(data))
    except (BadPicture, OSError, struct.error, zlib.error) as error:
        sys.stderr.write(f"{argv[2]}: {error}\n")
        return 1
    with open(argv[3], "wb") as file:
        file.write(out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
