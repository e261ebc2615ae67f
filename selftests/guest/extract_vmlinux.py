#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Take the ELF kernel out of an x86 bzImage: extract_vmlinux.py BZIMAGE OUTPUT

The x86 boot protocol says where the compressed kernel lies: the protected-mode
part follows the boot sector and setup_sects sectors of setup code, and
payload_offset and payload_length (protocol 2.08 and newer) count from its
start.  The compressor is recognised by the payload's magic.  The four bytes
that the kernel's build appends, the uncompressed size, are checked.
"""
import bz2
import lzma
import shutil
import struct
import subprocess
import sys
import zlib

SECTOR = 512
SETUP_SECTS = 0x1F1
BOOT_FLAG = 0x1FE
HEADER_MAGIC = 0x202
VERSION = 0x206
PAYLOAD = 0x248


class BadImage(Exception):
    """The file is no bzImage that we can take apart."""


def through(tool, data):
    """Decompress data with an external tool that reads and writes a pipe."""
    if not shutil.which(tool[0]):
        raise BadImage(f"this kernel needs '{tool[0]}' to be decompressed; "
                       f"apt-get install {tool[0]}")
    done = subprocess.run(tool, input=data, capture_output=True, check=False)
    # What follows the compressed stream makes these tools end with an error
    # after having written all of it; the size check below is the judge.
    return done.stdout


def gunzip(data):
    return zlib.decompressobj(wbits=31).decompress(data)


def unxz(data):
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(data)


def unlzma(data):
    return lzma.LZMADecompressor(format=lzma.FORMAT_ALONE).decompress(data)


def bunzip(data):
    return bz2.BZ2Decompressor().decompress(data)


COMPRESSORS = (
    ("gzip", b"\x1f\x8b", gunzip),
    ("xz", b"\xfd7zXZ\0", unxz),
    ("bzip2", b"BZh", bunzip),
    ("lzma", b"\x5d\0\0", unlzma),
    ("zstd", b"\x28\xb5\x2f\xfd", lambda data: through(["zstd", "-dcq"], data)),
    ("lz4", b"\x02\x21\x4c\x18", lambda data: through(["lz4", "-dcq"], data)),
    ("lzop", b"\x89LZO", lambda data: through(["lzop", "-dcq"], data)),
)


def payload(image):
    """The compressed kernel inside a bzImage, with its size at the end."""
    if len(image) < PAYLOAD + 8 or image[HEADER_MAGIC:HEADER_MAGIC + 4] != b"HdrS":
        raise BadImage("not an x86 bzImage (no 'HdrS')")
    if struct.unpack_from("<H", image, BOOT_FLAG)[0] != 0xAA55:
        raise BadImage("not an x86 bzImage (no boot flag)")
    version = struct.unpack_from("<H", image, VERSION)[0]
    if version < 0x208:
        raise BadImage(f"boot protocol {version >> 8}.{version & 0xff:02} "
                       "does not say where the kernel is (2.08 does)")
    start = ((image[SETUP_SECTS] or 4) + 1) * SECTOR
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    data = image[start + offset:start + offset + length]
    if len(data) != length or length < 8:
        raise BadImage("the file is shorter than its header says")
    return data


def extract(image):
    """The ELF kernel of a bzImage, and the name of its compressor."""
    data = payload(image)
    for name, magic, decompress in COMPRESSORS:
        if data.startswith(magic):
            break
    else:
        raise BadImage(f"unknown compressor, payload starts {data[:8].hex(' ')}")
    if name == "gzip":              # gzip's own trailer is that size
        elf = decompress(data)
    else:
        elf = decompress(data[:-4])
    size = struct.unpack("<I", data[-4:])[0]
    if len(elf) != size:
        raise BadImage(f"{name} gave {len(elf)} bytes where the kernel's "
                       f"build noted {size}")
    if not elf.startswith(b"\x7fELF"):
        raise BadImage(f"what {name} gave is no ELF file")
    return elf, name


def loaded_part(elf):
    """The ELF file up to the end of its last segment, without sections.

    What follows are relocations for moving the kernel and the section table;
    a PVH boot needs the program headers and what they point to.
    """
    phoff = struct.unpack_from("<Q", elf, 32)[0]
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    end = 0
    for i in range(phnum):
        offset, = struct.unpack_from("<Q", elf, phoff + i * phentsize + 8)
        filesz, = struct.unpack_from("<Q", elf, phoff + i * phentsize + 32)
        end = max(end, offset + filesz)
    head = bytearray(elf[:end])
    struct.pack_into("<Q", head, 40, 0)         # e_shoff
    struct.pack_into("<HH", head, 60, 0, 0)     # e_shnum, e_shstrndx
    return bytes(head)


def main(argv):
    if len(argv) != 3:
        sys.stderr.write(__doc__)
        return 2
    try:
        with open(argv[1], "rb") as file:
            elf, name = extract(file.read())
    except (BadImage, OSError) as error:
        sys.stderr.write(f"extract_vmlinux: {argv[1]}: {error}\n")
        return 1
    out = loaded_part(elf)
    with open(argv[2], "wb") as file:
        file.write(out)
    print(f"{name}: {len(elf)} bytes, {len(out)} of them to be loaded")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
