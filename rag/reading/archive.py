"""A ZIP that is not trusted -> its members, within limits. Office files and EPUBs are ZIPs."""

import zipfile
from io import BytesIO
from struct import error as StructError
from zlib import error as ZlibError

from rag.errors import DocumentError

MAX_MEMBERS = 5_000  # a book of a thousand chapters and pictures has fewer
MAX_EXPANDED = 300_000_000  # bytes, all members together: they are held in memory
MAX_RATIO = 200  # expanded to packed: text comes to 10, very repetitive XML to 100, bombs to 1,000
SMALL_ARCHIVE = 1_000_000  # bytes: below this no ratio does harm
# What zipfile raises for an archive that is damaged, or lies about itself.
_BROKEN = (
    zipfile.BadZipFile,
    ZlibError,
    StructError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    NotImplementedError,
    RuntimeError,
)


def members(data: bytes) -> dict[str, bytes]:
    """Return the contents of a ZIP by member name, folders left out.

    Names are only ever looked up, never used as paths.

    Raises DocumentError if it is damaged, encrypted, or expands beyond the limits.
    """
    _check_count(data)
    expanded = 0
    contents: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for info in _unlocked(archive):
                if info.is_dir():
                    continue
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DocumentError(
                        "The archive is packed in a way that is not read: save the file again or "
                        "as PDF."
                    )
                # What the directory says of sizes may be a lie, so no more than the limit is
                # unpacked.
                allowed = min(
                    MAX_EXPANDED - expanded, max(SMALL_ARCHIVE, MAX_RATIO * info.compress_size)
                )
                with archive.open(info) as member:
                    content = member.read(allowed + 1)
                if len(content) > allowed:
                    raise DocumentError(
                        f"The archive expands to more than {MAX_EXPANDED / 1e6:.0f} MB or "
                        f"{MAX_RATIO} times its size: "
                        "save the file again without large pictures, or as PDF."
                    )
                expanded += len(content)
                contents[info.filename] = content
    except _BROKEN as error:
        raise DocumentError(
            "The archive is damaged and cannot be opened: fetch or save the file again."
        ) from error
    return contents


def office_kind(data: bytes) -> str:
    """Return which of the kinds that are ZIPs it is, by its members.

    "DOCX", "ODT", "EPUB", "XLSX", "PPTX", "ODS", "ODP", or words for one that is not read.
    """
    _check_count(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = {info.filename for info in _unlocked(archive)}
            stated = ""
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    stated = member.read(100).decode("ascii", "replace").strip()
    except _BROKEN as error:
        raise DocumentError(
            "The archive is damaged and cannot be opened: fetch or save the file again."
        ) from error
    for name, kind in (("text", "ODT"), ("spreadsheet", "ODS"), ("presentation", "ODP")):
        if stated.startswith(f"application/vnd.oasis.opendocument.{name}"):
            return kind
    if stated == "application/epub+zip" or "META-INF/container.xml" in names:
        return "EPUB"
    if "[Content_Types].xml" in names and any(name.startswith("word/") for name in names):
        return "DOCX"
    for folder, kind in (("xl/", "XLSX"), ("ppt/", "PPTX")):
        if "[Content_Types].xml" in names and any(name.startswith(folder) for name in names):
            return kind
    return "another Office file" if stated or "[Content_Types].xml" in names else "a ZIP archive"


def _unlocked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    if any(info.flag_bits & 0x1 for info in archive.infolist()):
        raise DocumentError(
            "The archive is encrypted with a password: save the file without one and add it again."
        )
    return archive.infolist()


def _check_count(data: bytes) -> None:
    """Raise DocumentError for too many members, before the directory is read.

    Each entry costs time and memory.
    """
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise DocumentError(
            f"The archive has more than the {MAX_MEMBERS:,} members that are read: save the file "
            f"again in parts."
        )
