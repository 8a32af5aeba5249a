"""HTML of what a library holds.

Its reports, its conversations, and the work that is done on it. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from rag.config import bundled
from rag.render.html import count, joined
from rag.service.jobs import Job
from rag.service.service import was_sent
from rag.types import Conversation, DocumentInfo, UnansweredQuestion

_DATED_BY_MONTH = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])|$)")
_MOST_MONTHS = 36  # in a picture; beyond, its bars are years
_MOST_YEARS = 150  # beyond, a date is wrong, and the picture would show only that
_WIDTH, _HEIGHT, _BASE = 640, 100, 78  # of the picture, and where its bars stand
_WIDEST_BAR = 40
_MOST_LISTED = 8  # files of an upload that are shown at once, those that failed aside
_REBUILD = "Rebuild the index of all documents? It may take long; questions are answered meanwhile."


def no_library_html(local: bool) -> str:
    """Return what stands where there is nothing to ask yet: three ways to begin.

    A reader at this machine, who is `local`, may name a folder of it.
    """
    return (
        '<section class="calm"><h2>No documents yet</h2>'
        "<p>Add reports, then ask questions about them in plain words. Every sentence of an answer "
        "shows where it is written. Nothing leaves this computer.</p>"
        '<p class="coming" role="status">The first documents are on their way. Ask about each as '
        "soon as it is there.</p>"
        '<ul class="ways"><li><h3>Try the samples</h3><p>Six short reports that come with the '
        'program.</p><p><button type="button" class="solid" data-do="samples">Add the samples'
        f"</button></p></li>{_FOLDER_WAY if local else ''}"
        "<li><h3>Send files</h3><p>Drop files or a folder anywhere on this page, or choose "
        'them.</p><p><button type="button" class="outlined" data-choose="files">Choose files'
        '</button> <button type="button" class="outlined" data-choose="folder-files">'
        f"Choose a folder</button></p></li>{'' if local else _TERMINAL_WAY}</ul></section>"
    )


_FOLDER_WAY = (
    '<li><h3><label for="first-folder">Which folder holds your reports?</label></h3>'
    "<p>Its files stay where they are. Added again, the folder brings what is new or changed, as "
    "<code>rag add</code> does.</p>"
    '<form data-form="folder"><input id="first-folder" name="folder" type="text" '
    'placeholder="full path" autocomplete="off" spellcheck="false">'
    '<button type="submit" class="outlined">Add the folder</button></form></li>'
)
_TERMINAL_WAY = (
    "<li><h3>Use the terminal of the server</h3><p>For many files, and to keep a folder in step."
    "</p><pre>rag add reports/</pre></li>"
)


def conversations_html(
    conversations: Sequence[Conversation], current: int | None, searched: bool
) -> str:
    """Return the list of conversations, with buttons to continue, rename and delete each."""
    if not conversations:
        none = (
            "No conversations found."
            if searched
            else "Nothing was asked yet. What you ask is kept here."
        )
        return f'<p class="status">{none}</p>'
    items = []
    for c in conversations:
        here = ' aria-current="true"' if c.key == current else ""
        when = f"{c.changed[:10]}, {c.changed[11:16]} UTC"
        about = (
            f"{count(c.turns, 'question')} · "
            f'<time datetime="{escape(c.changed)}">{escape(when)}</time>'
        )
        key = f'data-conversation="{c.key}"'
        items.append(
            f"<li{here}>"
            f'<button type="button" data-do="resume" {key}>{escape(c.name)}</button>'
            f"<p>{about} "
            f'<button type="button" data-rename {key}>Rename</button> '
            f'<button type="button" data-do="forget" {key} data-sure="Delete this conversation?">'
            "Delete</button></p></li>"
        )
    return f'<ol class="conversations">{"".join(items)}</ol>'


def adding_html(local: bool) -> str:
    """Return the form for files, and, for a reader at this machine, for a folder."""
    folder = (
        '<form data-form="folder"><label for="folder">Or a folder of this machine</label>'
        '<input id="folder" name="folder" type="text" placeholder="full path" '
        'autocomplete="off" spellcheck="false">'
        '<button type="submit">Add</button></form>'
    )
    return (
        '<section class="adding"><h2>Add documents</h2>'
        '<div class="drop"><p>Drop files or folders here, or anywhere on the page.</p><p>'
        '<input id="files" type="file" multiple class="unseen">'
        '<label class="outlined" for="files">Choose files</label> '
        '<input id="folder-files" type="file" multiple webkitdirectory class="unseen">'
        '<label class="outlined" for="folder-files">Choose a folder</label></p></div>'
        '<div id="sending" hidden><p role="status"></p>'
        '<progress max="1" value="0" aria-label="Sending"></progress>'
        '<button type="button" data-halt>Cancel</button></div>'
        '<ul id="sent" hidden></ul>'
        f"{folder if local else ''}</section>"
    )


def work_html(uploads: Sequence[Job], tasks: Sequence[Job]) -> str:
    """Return the jobs of the library with their results: uploads first, then the others.

    Files that were sent, then the rest. The section has the attribute data-busy while something is
    still under way; what has ended can be dismissed.
    """
    jobs = [*uploads, *tasks]
    if not jobs:
        return ""
    busy = not all(job.finished for job in jobs)
    failed = [job for job in uploads if job.status == "failed"]
    rest = [job for job in uploads if job.status != "failed"]
    shown = [*map(_task_html, tasks), *map(_upload_html, [*failed, *rest[:_MOST_LISTED]])]
    more = "".join(map(_upload_html, rest[_MOST_LISTED:]))
    folded = (
        f"<details><summary>{count(len(rest) - _MOST_LISTED, 'more file')}</summary>"
        f"<ul>{more}</ul></details>"
        if more
        else ""
    )
    ends = any(not job.finished and job.kind in ("upload", "add") for job in jobs)
    way = _way_html("cancel", "Cancel") if ends else "" if busy else _way_html("dismiss", "Dismiss")
    return (
        f'<section class="work"{" data-busy" if busy else ""}><header>'
        f"{_upload_progress_html(uploads)}{way}</header><ul>{''.join(shown)}</ul>{folded}</section>"
    )


def _way_html(do: str, shown: str) -> str:
    return f'<button type="button" data-do="{do}">{shown}</button>'


def _upload_progress_html(uploads: Sequence[Job]) -> str:
    """Return how many of the files that were sent are done; "" for none."""
    done, of = sum(job.finished for job in uploads), len(uploads)
    if not uploads:
        return "<p></p>"
    outcomes = Counter(_SHOWN_STATUS.get(job.status, job.status) for job in uploads if job.finished)
    said = [f"{done:,} of {count(of, 'file')} done"] if done < of else [count(of, "file")]
    bar = f'<progress max="{of}" value="{done}" aria-label="Files"></progress>' if done < of else ""
    return f"<p>{joined([*said, *(f'{n:,} {what}' for what, n in outcomes.items())])}</p>{bar}"


def holdings_html(name: str, documents: Sequence[DocumentInfo], size: int) -> str:
    """Return what a library holds: figures, a chart, and a table to open and remove reports."""
    about = [
        count(len(documents), "document"),
        count(sum(d.chunks for d in documents), "passage"),
        _size(size),
    ]
    rows = "".join(
        '<tr><th scope="row">'
        f'<button type="button" data-document="{escape(d.name)}">{escape(d.title)}</button>'
        f"<p>{escape(d.file)}</p></th>"
        f"<td>{escape(d.date)}</td><td>{d.chunks:,}</td>"
        f"<td>{_replace_html(d)}"
        f'<button type="button" data-do="discard" data-document="{escape(d.name)}" '
        f'data-sure="Remove “{escape(d.title)}” from the library?">'
        "Remove</button></td></tr>"
        for d in documents
    )
    table = (
        '<div class="wide"><table><thead><tr>'
        '<th scope="col">Document</th><th scope="col">Date</th><th scope="col">Passages</th>'
        '<th scope="col"><span class="unseen">Replace or remove</span></th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return (
        f'<section class="holdings"><h2>{escape(name)}</h2><p>{joined(about)}</p>'
        f"{_picture_html([d.date for d in documents])}{table if documents else ''}"
        '<p class="care"><button type="button" data-do="verify">Verify the library</button> '
        f'<button type="button" data-do="rebuild" data-sure="{_REBUILD}">Rebuild the index</button>'
        f"</p>{_life_html(name, len(documents))}</section>"
    )


def _life_html(name: str, documents: int) -> str:
    """Return the forms that rename a library and delete it."""
    lost = f"{count(documents, 'document')} and all its conversations" if documents else "nothing"
    sure = f"Delete the library “{name}”? It holds {lost}. This cannot be undone."
    return (
        '<details class="life"><summary>Rename or delete this library</summary>'
        '<form class="making" data-form="rename_library"><label for="new-name">New name</label>'
        f'<input id="new-name" name="name" type="text" value="{escape(name)}" maxlength="64" '
        'autocomplete="off" spellcheck="false"><button type="submit">Rename</button></form>'
        '<p class="care"><button type="button" class="grave" data-do="delete_library" '
        f'data-sure="{escape(sure)}">Delete the library</button></p></details>'
    )


def _replace_html(document: DocumentInfo) -> str:
    """Return a button to send another file in place of the report, where it was sent itself."""
    if not was_sent(document):
        return ""
    return (
        f'<button type="button" data-replace="{escape(document.name)}" '
        f'aria-label="Replace “{escape(document.title)}” by another file">'
        "Replace</button> "
    )


def making_html() -> str:
    """Return the form that makes another library."""
    field = 'id="make" name="name" type="text" autocomplete="off" spellcheck="false"'
    return (
        '<form class="making" data-form="make"><label for="make">New library</label>'
        f'<input {field} placeholder="name" maxlength="64"><button type="submit">Create</button>'
        "</form>"
        '<p class="programs"><a href="/docs" target="_blank" rel="noopener">HTTP API</a> for '
        "programs</p>"
    )


_SHOWN_STATUS = {
    "waiting": "waiting",
    "running": "adding",
    "failed": "not added",
    "unchanged": "already there",
}


def _upload_html(job: Job) -> str:
    how = _SHOWN_STATUS.get(job.status, job.status)
    more = f"<p>{escape(job.message)}</p>" if job.message else ""
    return (
        f'<li class="{job.status}"><p>'
        f"{joined([job.source, how, count(job.chunks, 'passage') if job.chunks else ''])}</p>"
        f"{more}{_now_answered_html(job)}</li>"
    )


def _now_answered_html(job: Job) -> str:
    """Return the questions that the new reports answer, each asked with a click; "" for none."""
    items = "".join(
        f'<li><button type="button" data-example>{escape(question)}</button></li>'
        for question in job.answered
    )
    return f"<p>Now answered:</p><ul>{items}</ul>" if items else ""


def unanswered_html(kept: Sequence[UnansweredQuestion]) -> str:
    """Return the questions without an answer, each asked again with a click; "" for none."""
    if not kept:
        return ""
    items = "".join(
        f'<li><button type="button" data-example>{escape(q.question)}</button>'
        f"<p>{joined([q.asked[:10], 'answered since' if q.answered else ''])}</p></li>"
        for q in kept
    )
    return (
        '<section class="holdings unanswered"><h2>Questions without an answer</h2>'
        f'<ul>{items}</ul><p class="care"><button type="button" data-do="clear" '
        'data-sure="Remove all of these questions?">Clear</button></p></section>'
    )


def _task_html(task: Job) -> str:
    samples = task.source == str(bundled("samples"))
    source = "the samples" if samples else task.source
    what = {"add": f"Adding {source}", "rebuild": "Rebuilding", "verify": "Verifying"}[task.kind]
    how = {
        "waiting": "waiting",
        "running": f"{task.number:,} of {task.of:,}{_time_left(task)}" if task.of else "at work",
    }.get(task.status, "")
    bar = (
        f'<progress max="{task.of}" value="{task.number}" aria-label="{escape(what)}"></progress>'
        if task.of and how
        else ""
    )
    faults = "".join(f"<li>{escape(fault)}</li>" for fault in task.faults)
    said = f"<p>{escape(task.message)}</p>" if task.message else ""
    return (
        f'<li class="{task.status}"><p>{joined([what, how])}</p>'
        f"{bar}{said}{f'<ul>{faults}</ul>' if faults else ''}{_now_answered_html(task)}</li>"
    )


def _time_left(task: Job) -> str:
    """Return how long a task will take, as in " · about 2 min left"; "" while that is unknown."""
    seconds = task.seconds_left
    if seconds is None:
        return ""
    left = f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
    return f" · about {left} left"


def _picture_html(dates: Sequence[str]) -> str:
    """Return how many documents there are of each month or year, as bars and as a table, and how
    many it does not show.

    "" if that would show nothing.
    """
    dated = sorted(date for date in dates if _DATED_BY_MONTH.match(date))
    undated = len(dates) - len(dated)
    if len(dated) < 2 or int(dated[-1][:4]) - int(dated[0][:4]) > _MOST_YEARS:
        return ""
    bars = [*_bars(dated)]
    highest = max(number for _, number in bars)
    step = min(_WIDTH / len(bars), _WIDEST_BAR)
    drawn = []
    for index, (when, number) in enumerate(bars):
        tall = number / highest * (_BASE - 12)
        if number:
            drawn.append(
                f'<rect x="{index * step + 1:.1f}" y="{_BASE - tall:.1f}"'
                f' width="{max(1.0, step - 2):.1f}" height="{tall:.1f}">'
                f"<title>{when}: {count(number, 'document')}</title></rect>"
            )
        if index == 0 or (when.endswith("-01") if "-" in when else index == len(bars) - 1):
            drawn.append(f'<text x="{index * step + 1:.1f}" y="{_HEIGHT - 6}">{when[:4]}</text>')
    rows = "".join(
        f'<tr><th scope="row">{when}</th><td>{number}</td></tr>' for when, number in bars if number
    )
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-labelledby="picture-title picture-about">'
        '<title id="picture-title">Documents over time</title>'
        f'<desc id="picture-about">{count(len(dated), "document")} with a date, '
        f"from {bars[0][0]} to {bars[-1][0]}; "
        f"at most {highest} of one {'month' if '-' in bars[0][0] else 'year'}.</desc>"
        f'<line x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"></line>{"".join(drawn)}</svg>'
        f"<figcaption>Documents by {'month' if '-' in bars[0][0] else 'year'}. "
        f"{_left_out(undated)}</figcaption>"
        "<details><summary>Show as table</summary><table><thead>"
        '<tr><th scope="col">When</th><th scope="col">Documents</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></details></figure>"
    )


def _left_out(undated: int) -> str:
    """Return what a picture does not show; "" for nothing."""
    verb = "is" if undated == 1 else "are"
    return f"{count(undated, 'document')} without a date {verb} not shown." if undated else ""


def _bars(dated: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each month from the first to the last date, with its number of reports.

    Each year instead if there are many months or a month is unknown.
    """
    first, last = int(dated[0][:4]), int(dated[-1][:4])
    months = Counter(date[:7] for date in dated)
    if all(len(month) == 7 for month in months) and 12 * (last - first + 1) <= _MOST_MONTHS:
        for number in range(12 * first + int(dated[0][5:7]) - 1, 12 * last + int(dated[-1][5:7])):
            month = f"{number // 12:04}-{number % 12 + 1:02}"
            yield month, months[month]
    else:
        years = Counter(date[:4] for date in dated)
        for year in range(first, last + 1):
            yield f"{year:04}", years[f"{year:04}"]


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
