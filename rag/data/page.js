// Runs once for the answer and once for the report: `element`, `trigger` and `watch` are Gradio's names for each.

// Bring words of the report into view. The pane scrolls by itself; where it does not, on narrow screens, the page moves, but
// only when the reader asked for it: an answer that arrives must not push itself out of sight.
function reveal(target, asked) {
  const pane = target.closest("#right");
  if (getComputedStyle(pane).overflowY === "auto") {
    const above = target.getBoundingClientRect().top - pane.getBoundingClientRect().top;
    pane.scrollTop += above - pane.clientHeight / 3;
  } else if (asked) {
    target.scrollIntoView({ block: "center" });
  }
  if (asked) {
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  }
}

function marksOf(report, marker) {
  return marker ? [...report.querySelectorAll(`mark[data-markers~="${CSS.escape(marker)}"]`)] : [];
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const asked = button.dataset;
  const report = document.querySelector("#report article");
  if ("note" in asked) {
    reveal(report.querySelector(`[data-note-text="${CSS.escape(asked.note)}"]`), true);
  } else if ("back" in asked) {
    const current = report.querySelector("mark.current");
    const marker = current ? current.dataset.markers.split(" ")[0] : "";
    const footnote = document.querySelector(`#answer sup button[data-marker="${CSS.escape(marker)}"]`);
    const back = footnote || document.querySelector("#asking textarea");
    back.scrollIntoView({ block: "center" });
    back.focus({ preventScroll: true });
  } else if ("document" in asked) {
    const marks = report && report.dataset.document === asked.document ? marksOf(report, asked.marker) : [];
    if (marks.length) {
      report.querySelectorAll("mark.current").forEach((mark) => mark.classList.remove("current"));
      marks.forEach((mark) => mark.classList.add("current"));
      reveal(marks[0], true);
    } else {
      document.body.dataset.asked = "";
      trigger("open", { document: asked.document, start: asked.start, end: asked.end });
    }
  }
});

watch("value", () => {
  if (element.querySelector("article, .shelf")) {
    const asked = "asked" in document.body.dataset;
    delete document.body.dataset.asked;
    reveal(element.querySelector("mark.current") || element.querySelector("article, .shelf"), asked);
  }
});
