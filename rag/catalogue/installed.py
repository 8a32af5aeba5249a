"""The models of this user: those that were pulled or added, and which of them, or which server, is
used.

One small file in the user's cache folder names them. A pulled model lies beside it; an added one
stays where it is.
"""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rag.catalogue.entries import KINDS, CatalogueEntry, ModelKind
from rag.catalogue.gguf import read_header
from rag.config import Settings, cache_folder, check_server
from rag.errors import ModelError, NotFoundError, UsageError
from rag.files import safe_name, sha256_of, written_whole

_INSTALLED_FILE = "models.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on this machine."""

    name: str
    kind: ModelKind
    path: str  # a GGUF file of a writer, the folder of an embedder or a reranker
    bytes: int
    sha256: str  # of a writer's file
    licence: str  # "" where it is not known
    pulled: bool  # it lies among our own files and goes when it is removed
    words_per_second: float = 0.0  # measured here by `rag models test`; 0 where it was not
    right: str = ""  # what that test found, as in "8 of 10"


class ModelsFolder:
    """The folder of the models, and the file that says what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def installed(self) -> tuple[InstalledModel, ...]:
        """Return the models, by name."""
        rows = self._read()["installed"]
        return tuple(InstalledModel(**row) for row in sorted(rows, key=lambda row: row["name"]))

    def find(self, name: str) -> InstalledModel:
        """Return the model of that name. Raises NotFoundError if there is none."""
        models = self.installed()
        for model in models:
            if model.name == name:
                return model
        there = ", ".join(repr(model.name) for model in models) or "none"
        raise NotFoundError(
            f"There is no model {name!r} on this machine, there is {there}; get it with `rag models"
            f" pull {name}` or add a file with `rag models add FILE.gguf`."
        )

    def add_file(self, path: Path) -> InstalledModel:
        """Add a GGUF file, which stays where it is; it is named like its file.

        Raises ModelError if it is no whole GGUF file, UsageError where the name is taken.
        """
        header = read_header(path)
        if not header.architecture or not header.tensors:
            raise ModelError(
                f"{path} is a GGUF file without a model; give one that a model's publisher made."
            )
        name = safe_name(path.stem, "model")
        known = [model for model in self.installed() if model.name == name]
        if known and known[0].path != str(path.resolve()):
            raise UsageError(
                f"There is a model {name!r} already, at {known[0].path}; rename the file, or remove"
                f" that model first: rag models remove {name}"
            )
        licence = str(header.metadata.get("general.license", ""))
        model = InstalledModel(
            name,
            "writer",
            str(path.resolve()),
            path.stat().st_size,
            sha256_of(path),
            licence,
            pulled=False,
        )
        self.record(model)
        return model

    def add_pulled(self, entry: CatalogueEntry, path: Path, sha256: str) -> InstalledModel:
        """Add what was pulled for an entry of the catalogue to `path`."""
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        model = InstalledModel(
            entry.name, entry.kind, str(path), size, sha256, entry.licence, pulled=True
        )
        self.record(model)
        return model

    def record(self, model: InstalledModel) -> None:
        """Keep what is known of a model, in place of what was known before."""
        values = self._read()
        others = [row for row in values["installed"] if row["name"] != model.name]
        self._write({**values, "installed": [*others, asdict(model)]})

    def remove(self, name: str) -> InstalledModel:
        """Remove a model, with its files where it was pulled. Raises NotFoundError."""
        model = self.find(name)
        values = self._read()
        rows = [row for row in values["installed"] if row["name"] != name]
        used = {kind: used for kind, used in values["used"].items() if used != name}
        # Known no more before its files go: killed in between, only files are left over.
        self._write({**values, "installed": rows, "used": used})
        if model.pulled:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return model

    def use(self, name: str) -> InstalledModel:
        """Use a model from now on, where no setting names another. Raises NotFoundError.

        A writer takes the place of a server.
        """
        model = self.find(name)
        values = self._read()
        server = {} if model.kind == "writer" else values["server"]
        used = {**values["used"], model.kind: name}
        self._write({**values, "used": used, "server": server})
        return model

    def use_embedded(self) -> None:
        """Use the models that come with the program again, and no server."""
        self._write({**self._read(), "used": {}, "server": {}})

    def use_server(self, address: str, model: str) -> None:
        """Let a model of a server write the answers from now on; none where both are "".

        Raises UsageError for what is no address, and for a model without a name.
        """
        address, model = address.strip().rstrip("/"), model.strip()
        check_server(address, model)
        server = {"address": address, "model": model} if address else {}
        self._write({**self._read(), "server": server})

    @property
    def server(self) -> tuple[str, str]:
        """The address of the server that writes the answers, and its model; "" for none."""
        server = self._read()["server"]
        return server.get("address", ""), server.get("model", "")

    def used(self) -> dict[ModelKind, InstalledModel]:
        """Return the models in use by kind; a kind that is not there uses the embedded model."""
        names: dict[str, str] = self._read()["used"]
        models = {model.name: model for model in self.installed()}
        return {
            kind: models[names[kind]] for kind in KINDS if kind in names and names[kind] in models
        }

    def suggest_once(self) -> bool:
        """Return whether a better writer may be suggested: true for the first time only."""
        values = self._read()
        if values["suggested"]:
            return False
        self._write({**values, "suggested": True})
        return True

    def _read(self) -> dict[str, Any]:
        empty = {"version": _VERSION, "installed": [], "used": {}, "server": {}, "suggested": False}
        path = self.folder / _INSTALLED_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return empty
        except OSError as error:
            raise ModelError(
                f"The list of models {path} cannot be read ({error.strerror}); make it readable."
            ) from error
        try:
            values = json.loads(text)
            if values["version"] == _VERSION:
                _ = [InstalledModel(**row) for row in values["installed"]]
                return {**empty, **values}
        except (ValueError, TypeError, KeyError):
            pass
        raise ModelError(
            f"The list of models {path} is damaged or of another version than {_VERSION}; remove "
            "that file, and add or pull the models again."
        )

    def _write(self, values: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_whole(self.folder / _INSTALLED_FILE) as temporary:
                temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
        except OSError as error:
            raise ModelError(
                f"The list of models in {self.folder} cannot be written ({error.strerror}); free "
                "some space, or set RAG_CACHE to a folder that can be written."
            ) from error


def models_folder(settings: Settings) -> ModelsFolder:
    """Return the folder of this user's models."""
    return ModelsFolder(settings.models or cache_folder(settings.cache) / "models")


def with_models_in_use(settings: Settings) -> Settings:
    """Return the settings with the models that this user chose where no setting names one.

    Raises ModelError if the list of models cannot be read.
    """
    folder = models_folder(settings)
    used, (server, server_model) = folder.used(), folder.server
    writer, embedder, reranker = (used.get(kind) for kind in KINDS)
    if settings.generate and not (settings.model or settings.server or settings.adapter):
        if server:
            settings = replace(settings, server=server, server_model=server_model)
        elif writer:
            settings = replace(settings, model=Path(writer.path))
    if embedder and not settings.embeddings:
        settings = replace(settings, embeddings=embedder.path)
    if reranker and not settings.reranker:
        settings = replace(settings, reranker=reranker.path)
    return settings
