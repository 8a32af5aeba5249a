"""A mail as Outlook saves it: a compound file of streams, small enough for one sector of tables."""

import struct

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR, _MINI = 512, 64
_TEXT_8, _TEXT, _NUMBER = 0x1E, 0x1F, 0x03


def outlook_mail(texts: dict[int, str | bytes], numbers: dict[int, int] | None = None) -> bytes:
    """A mail with these properties by their numbers; bytes are text in its code page."""
    header = struct.pack("<32x")
    streams: dict[str, bytes] = {}
    for key, value in texts.items():
        kind = _TEXT_8 if isinstance(value, bytes) else _TEXT
        data = value if isinstance(value, bytes) else value.encode("utf-16-le")
        streams[f"__substg1.0_{key:04X}{kind:04X}"] = data
        header += struct.pack("<HHIII", kind, key, 6, len(data), 0)
    for key, number in (numbers or {}).items():
        header += struct.pack("<HHIII", _NUMBER, key, 6, number, 0)
    return compound_file({"__properties_version1.0": header, **streams})


def compound_file(streams: dict[str, bytes]) -> bytes:
    """A compound file with streams of less than 4,096 bytes each, all in its mini stream."""
    mini, mini_table, starts = b"", list[int](), list[int]()
    for data in streams.values():
        count = -(-len(data) // _MINI)
        first = len(mini_table)
        starts.append(first if count else _END)
        mini_table += [*range(first + 1, first + count), *([_END] if count else [])]
        mini += data.ljust(count * _MINI, b"\0")
    sectors = -(-len(mini) // _SECTOR)
    entries = -(-(len(streams) + 1) // 4)  # sectors of the directory, behind the table at 0
    first_mini = entries + 2
    table = [_FAT, *_chain(1, entries), _END, *_chain(first_mini, sectors)]
    directory = _entry("Root Entry", 5, 1, _FREE, first_mini, len(mini))
    for number, (name, data) in enumerate(streams.items(), 1):
        following = number + 1 if number < len(streams) else _FREE
        directory += _entry(name, 2, _FREE, following, starts[number - 1], len(data))
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096,
        entries + 1, 1, _END, 0, 0, _FREE,
    )  # fmt: skip
    return (
        head.ljust(_SECTOR, b"\xff")
        + _table(table)
        + directory.ljust(entries * _SECTOR, b"\0")
        + _table(mini_table)
        + mini.ljust(sectors * _SECTOR, b"\0")
    )


def _chain(first: int, count: int) -> list[int]:
    return [*range(first + 1, first + count), *([_END] if count else [])]


def _table(numbers: list[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers).ljust(_SECTOR, b"\xff")


def _entry(name: str, kind: int, child: int, following: int, start: int, size: int) -> bytes:
    named = name.encode("utf-16-le") + b"\0\0"
    return named.ljust(64, b"\0") + struct.pack(
        "<HBBIII36xIQ", len(named), kind, 1, _FREE, following, child, start, size
    )
