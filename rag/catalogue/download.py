"""Bring a model of the catalogue from the hub: resumed, checked, whole or not at all.

[huggingface_hub, httpx2]

This is the only module that uses a network that the user did not name, and it runs only where
`rag models pull` was asked for. HF_ENDPOINT names a mirror, the usual proxy variables a proxy.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.catalogue.entries import CatalogueEntry
from rag.catalogue.gguf import read_header
from rag.errors import ModelError
from rag.files import sha256_of, sync

OnBytes = Callable[[str, int, int], None]  # a file, how many bytes of it are here, of how many
_SHA256_LENGTH = 64  # of an etag; a file that is not kept as a large one has a shorter one
_OPTIONAL_FILES = "config_sentence_transformers.json 1_Pooling/config.json special_tokens_map.json"


def pull(entry: CatalogueEntry, folder: Path, on_progress: OnBytes) -> tuple[Path, str]:
    """Download the files of an entry into `folder`; return the model's path and its sha256.

    An interrupted download is continued. `on_progress` is called with the progress. Raises
    ModelError where the hub cannot be reached or has no such model, and where a file is not the
    expected one, which is then removed.
    """
    sha256 = ""
    for name in entry.files:
        path = folder / name
        found = _pull_file(entry, name, path, on_progress)
        if found is None and name not in _OPTIONAL_FILES.split():
            raise ModelError(
                f"The hub has no file {name} in {entry.repository} at {entry.revision}; choose "
                "another model: rag models list."
            )
        sha256 = sha256 or (found or "")
    if entry.kind == "writer":
        path = folder / entry.files[0]
        try:
            read_header(path)
        except ModelError:
            path.unlink()
            raise
        return path, sha256
    return folder, sha256


def _pull_file(entry: CatalogueEntry, name: str, path: Path, on_progress: OnBytes) -> str | None:
    """Download a file where it is not there; return its sha256, None if the hub has none."""
    import httpx2
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        url = hf_hub_url(entry.repository, name, revision=entry.revision)
        try:
            there = get_hf_file_metadata(url)
        except EntryNotFoundError:
            return None
        size = there.size
        expected = entry.sha256 or (there.etag if len(there.etag or "") == _SHA256_LENGTH else "")
        if not path.is_file():
            _fetch(there.location, part, size, lambda n: on_progress(name, n, size or n))
            _check_sum(entry, part, expected or "")
            sync(part)
            part.replace(path)
    except (OSError, httpx2.HTTPError) as error:
        raise _failed(entry, error) from error
    return _check_sum(entry, path, expected or "")


def _check_sum(entry: CatalogueEntry, path: Path, expected: str) -> str:
    """Return the file's sha256. Raises ModelError if another one was expected; it is removed."""
    found = sha256_of(path)
    if expected and found != expected:
        path.unlink()
        raise ModelError(
            f"The file {path.name} of {entry.name} is not the expected one (sha256 {found[:12]}…, "
            f"expected {expected[:12]}…), so it was removed; pull it again, or ask whoever runs the"
            " mirror."
        )
    return found


def _fetch(url: str, part: Path, size: int | None, on_progress: Callable[[int], None]) -> None:
    """Append what is missing of the file at `url` to `part`. Raises OSError."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented, not in __all__
        build_hf_headers,
        tqdm,
    )

    class Bar(tqdm):
        """A progress bar that reports the bytes so far and draws nothing."""

        here = 0

        def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as tqdm has it
            named["disable"] = True
            super().__init__(*arguments, **named)  # type: ignore[no-untyped-call]
            self.here = int(named.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            on_progress(self.here)

    here = part.stat().st_size if part.exists() else 0
    if size is not None and here > size:  # of another file
        part.unlink()
        here = 0
    with part.open("ab") as file:
        http_get(
            url,
            file,
            resume_size=here,
            expected_size=size,
            headers=build_hf_headers(library_name="rag-reports"),
            tqdm_class=Bar,
        )


def _failed(entry: CatalogueEntry, error: Exception) -> ModelError:
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled

    name, place = entry.name, constants.ENDPOINT
    if isinstance(error, GatedRepoError):
        return ModelError(
            f"The publisher of {name} wants its terms to be accepted first; accept them on the page"
            f" of {entry.repository}, and set HF_TOKEN to a token of yours."
        )
    if isinstance(error, OfflineModeIsEnabled):
        return ModelError(
            f"HF_HUB_OFFLINE is set, so {name} cannot be pulled; unset it, and pull again."
        )
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return ModelError(
            f"The hub at {place} answered {error.response.status_code} for {entry.repository} at "
            f"{entry.revision}; check HF_ENDPOINT, or choose another model: rag models list."
        )
    return ModelError(
        f"The model {name} cannot be pulled from {place} ({error}); check the "
        "connection, HTTPS_PROXY or HF_ENDPOINT, and pull again: what is here is kept."
    )
