"""HTML of the models: those on this machine, those of the catalogue, and what is done with one."""

from collections.abc import Mapping, Sequence
from html import escape

from rag.catalogue.entries import CatalogueEntry
from rag.catalogue.installed import InstalledModel
from rag.catalogue.memory import gigabytes
from rag.render.html import joined
from rag.service.model_work import ModelTask

# The least chance of being right that an answer is shown with, and what each costs: the shares of
# questions with an answer and of near misses that are declined, from the table of docs/reader.md.
CERTAINTY_STEPS = (("Answer more", 0.2), ("Balanced", 0.3), ("Only when sure", 0.5))
CERTAINTY_COSTS = (
    "Answer more: of 100 questions that the documents answer, 1 is left without an answer; of 100 "
    "that they only seem to answer, 60 get one all the same. Balanced: 3 and 47. Only when sure: 8 "
    "and 33."
)
THEME_HTML = (
    '<fieldset class="theme"><legend>Appearance</legend>'
    + "".join(
        f'<label><input type="radio" name="theme" value="{value}" data-theme> {shown}</label>'
        for value, shown in (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
    )
    + "</fieldset>"
)
_USES_OF_MODELS = {
    "writer": "writes answers",
    "embedder": "finds passages",
    "reranker": "reorders passages",
}
_UNMEASURED = "Not measured by us."
_DOING = {
    "pull": "Downloading",
    "add": "Adding",
    "use": "Choosing",
    "remove": "Removing",
    "test": "Testing",
}


def used_html(used: Mapping[str, str], server: tuple[str, str], local: bool) -> str:
    """Return what writes, reads and embeds now; `used` is empty until the models are loaded.

    A reader at this machine, who is `local`, may name a `server`, an address and a model, that is
    to write from the next start on.
    """
    form = _server_html(*server) if local else ""
    if not used:
        return (
            '<section class="holdings"><h2>In use now</h2><p>The models are loading …</p>'
            f"{form}</section>"
        )
    rows = (
        ("Writes answers", used["writes"]),
        ("Reads passages", used["reads"]),
        ("Finds passages", used["embeds"]),
        ("Server", used["server"] or "none"),
    )
    facts = "".join(f"<dt>{what}</dt><dd>{escape(name)}</dd>" for what, name in rows)
    return f'<section class="holdings"><h2>In use now</h2><dl>{facts}</dl>{form}</section>'


def _server_html(address: str, model: str) -> str:
    """Return the form that lets a server write the answers."""
    chosen = f"From the next start on, {model} at {address} writes the answers." if address else ""
    end = (
        '<button type="button" data-do="server" data-address="" data-model="">'
        "Use no server</button>"
        if address
        else ""
    )
    plain = 'type="text" autocomplete="off" spellcheck="false"'
    return (
        '<details class="server"><summary>Let a server write the answers</summary>'
        "<p>Any server that speaks OpenAI’s chat completions. Each question and the passages that "
        "are found for it are sent to this server, and to no other; search and all checks stay "
        "here. It holds from the next start on, for the command line as well. A key, if the server "
        "asks for one, is read from RAG_SERVER_KEY.</p>"
        '<form class="making" data-form="server" data-keep><label for="server">Address</label>'
        f'<input id="server" name="address" {plain} value="{escape(address)}" '
        'placeholder="http://127.0.0.1:8080/v1"><label for="server-model">Model</label>'
        f'<input id="server-model" name="model" {plain} value="{escape(model)}" placeholder="name">'
        '<button type="submit">Use this server</button></form></details>'
        + (f'<p class="care"><span>{escape(chosen)}</span> {end}</p>' if chosen else "")
    )


def models_html(
    installed: Sequence[tuple[InstalledModel, bool]],
    offered: Sequence[CatalogueEntry],
    task: ModelTask | None,
    free: int,
    local: bool,
) -> str:
    """Return the models with what can be done with each; `free` is memory in bytes.

    The section has the attribute data-busy while a task is under way. Only a reader at this
    machine, who is `local`, may name a file of it.
    """
    busy = " data-busy" if task and task.status == "running" else ""
    here = "".join(_installed_html(model, used) for model, used in installed)
    back = _button("use", "embedded", "Use those that come with the program")
    return (
        f'<section class="models holdings"{busy}><h2>Models</h2>'
        f"<p>{gigabytes(free)} of memory free. A model chosen here is used from the next start of "
        "the server on.</p>"
        f"{_model_task_html(task)}"
        f"<h3>On this machine</h3>{f'<ul>{here}</ul>' if here else '<p>None yet.</p>'}"
        f'<p class="care">{back}</p>{_adding_html() if local else ""}'
        f"<h3>In the catalogue</h3>{_catalogue_html(offered)}</section>"
    )


def _catalogue_html(offered: Sequence[CatalogueEntry]) -> str:
    """Return the models that can be downloaded, those of one use together."""
    unmeasured = all(_UNMEASURED in entry.note for entry in offered)
    said = ["Downloading is the only use of the network."]
    if unmeasured and offered:  # once for all of them
        said.append("None of these was measured by us.")
    groups = []
    for kind, use in _USES_OF_MODELS.items():
        items = "".join(_offered_html(e, unmeasured) for e in offered if e.kind == kind)
        if items:
            groups.append(f"<h4>{use.capitalize()}</h4><ul>{items}</ul>")
    return f"<p>{escape(' '.join(said))}</p>{''.join(groups)}"


def _installed_html(model: InstalledModel, used: bool) -> str:
    speed = f"{model.words_per_second:.0f} words a second" if model.words_per_second else ""
    about = [
        "in use" if used else "",
        _USES_OF_MODELS[model.kind],
        gigabytes(model.bytes),
        model.licence or "licence not stated",
        f"{model.right} right" if model.right else "not tested",
        speed,
    ]
    sure = f"Remove the model {model.name}?"
    return (
        f"<li><p><strong>{escape(model.name)}</strong></p><p>{joined(about)}</p>"
        f'<p class="care">{"" if used else _button("use", model.name, "Use")} '
        f"{_button('test', model.name, 'Test')} {_button('remove', model.name, 'Remove', sure)}"
        "</p></li>"
    )


def _offered_html(entry: CatalogueEntry, unmeasured: bool) -> str:
    """Return a model of the catalogue; that it is `unmeasured` is said of all of them before."""
    note = entry.note.replace(_UNMEASURED, "").strip() if unmeasured else entry.note
    about = [
        gigabytes(entry.bytes),
        f"for machines with {entry.tier} GB",
        entry.licence,
        entry.languages,
    ]
    sure = f"Download {entry.name} ({gigabytes(entry.bytes)}, {entry.licence})?"
    download = _button("pull", entry.name, "Download", sure)
    return (
        f"<li><p><strong>{escape(entry.name)}</strong> {download}</p><p>{joined(about)}</p>"
        f"{f'<p>{escape(note)}</p>' if note else ''}</li>"
    )


def _model_task_html(task: ModelTask | None) -> str:
    if task is None:
        return ""
    how = {"running": "under way", "done": "done", "failed": "failed"}[task.status]
    said = f"<p>{escape(task.said)}</p>" if task.said else ""
    what = joined([f"{_DOING[task.action]} {task.name}", how])
    return f'<div class="status" role="status"><p>{what}</p>{said}</div>'


def _adding_html() -> str:
    field = 'id="gguf" name="name" type="text" autocomplete="off" spellcheck="false"'
    return (
        '<form class="making" data-form="model"><label for="gguf">Add a GGUF file</label>'
        '<input name="action" type="hidden" value="add">'
        f'<input {field} placeholder="full path"><button type="submit">Add</button></form>'
    )


def _button(action: str, name: str, text: str, sure: str = "") -> str:
    asked = f' data-sure="{escape(sure)}"' if sure else ""
    return (
        f'<button type="button" data-do="model" data-action="{action}" '
        f'data-name="{escape(name)}"{asked}>{text}</button>'
    )
