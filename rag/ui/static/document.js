// The document beside the conversation: its pages, words looked for in it, the way from citation to citation, its width; and the
// list of all documents, which is sifted, sorted and ticked.
const viewer = (() => {
  const { $, $$ } = { $: (s, w = document) => w.querySelector(s), $$: (s, w = document) => [...w.querySelectorAll(s)] };

  // --- Pages ---

  const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];
  const SHARP = 1200; // pixels across a page that the server draws when nothing is said

  function turn(sheet, page) {
    const last = Number(sheet.dataset.pages);
    page = Math.min(Math.max(page || 1, 1), last);
    const image = $("img", sheet);
    if (page !== Number(sheet.dataset.page)) image.src = image.src.replace(/pages\/\d+\.png/, `pages/${page}.png`);
    sheet.dataset.page = page;
    image.alt = `Page ${page}; its words are in the text below`;
    $("[data-leaf-to]", sheet).value = page;
    $("[data-leaf='-1']", sheet).disabled = page === 1;
    $("[data-leaf='1']", sheet).disabled = page === last;
    for (const mark of $$("span[data-page]", sheet)) mark.hidden = Number(mark.dataset.page) !== page;
    aim(sheet);
  }

  function zoom(sheet, step) {
    const now = Number(sheet.dataset.zoom || 1);
    const at = ZOOMS[Math.min(Math.max(ZOOMS.indexOf(now) + step, 0), ZOOMS.length - 1)];
    sheet.dataset.zoom = at;
    $("[role=region] > div", sheet).style.width = `${at * 100}%`;
    $("[role=group] output", sheet).textContent = `${at * 100} %`;
    const image = $("img", sheet);
    const width = Math.min(3000, Math.round(SHARP * Math.max(1, at)));
    const url = new URL(image.src);
    if (url.searchParams.get("width") !== String(width) && at > 1) {
      url.searchParams.set("width", width);
      image.src = url;
    }
    aim(sheet);
  }

  // The picture of a page begins at the marked words.
  function aim(sheet) {
    const mark = $("span.current:not([hidden])", sheet) || $("span[data-of]:not([hidden])", sheet);
    const frame = $("[role=region]", sheet);
    frame.scrollTop = mark ? mark.offsetTop - frame.clientHeight / 3 : 0;
    if (mark) frame.scrollLeft = mark.offsetLeft - frame.clientWidth / 3;
  }

  document.addEventListener("load", (event) => {
    const sheet = event.target.closest?.(".printed");
    if (sheet) aim(sheet);
  }, true);
  // Where there is no picture, as the file is gone, the text stands alone.
  document.addEventListener("error", (event) => event.target.closest?.(".printed")?.remove(), true);

  // --- Citations ---

  function footnotes(report) {
    const answer = $(`.answer[data-turn="${CSS.escape(report.dataset.turn || "")}"]`);
    return answer ? $$(".footnotes [data-marker]", answer) : [];
  }

  function current(report) {
    return $("mark.current", report)?.dataset.markers.split(" ")[0] || "";
  }

  function cite(report, step) {
    const all = footnotes(report);
    const at = all.findIndex((one) => one.dataset.marker === current(report));
    const next = all[(at + step + all.length) % all.length];
    if (next) page.open(next);
  }

  // What stands below the header of a document begins where it ends, however many lines it has.
  const heights = new ResizeObserver(([entry]) => {
    entry.target.parentElement.style.setProperty("--head", `${entry.target.offsetHeight}px`);
  });

  // The article was exchanged, or another of its citations is in view.
  function show(report, marker = current(report)) {
    if (!report.matches("article.report")) return;
    heights.disconnect();
    heights.observe($("header", report));
    const all = footnotes(report);
    const at = all.findIndex((one) => one.dataset.marker === marker);
    const bar = $(".cited", report);
    bar.hidden = all.length === 0;
    $("output", bar).textContent = at < 0 ? `${all.length} cited` : `Citation ${at + 1} of ${all.length}`;
    const sheet = $(".printed", report);
    if (sheet) {
      if (marker) $$(`span[data-of="${CSS.escape(marker)}"]`, sheet).forEach((mark) => mark.classList.add("current"));
      const marked = $("span.current", sheet);
      turn(sheet, Number(marked ? marked.dataset.page : sheet.dataset.page));
    }
    $("[data-wide]", report)?.setAttribute("aria-pressed", $("#page").hasAttribute("data-full"));
  }

  // --- Words looked for in the document ---

  const found = { ranges: [], at: -1 };

  function look(report, words) {
    found.ranges = [];
    found.at = -1;
    const sought = words.trim().toLowerCase();
    if (sought) {
      const nodes = [];
      let text = "";
      const walk = document.createTreeWalker($(".text", report), NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) {
        nodes.push([text.length, walk.currentNode]);
        text += walk.currentNode.data.toLowerCase().replace(/\s/g, " ");
      }
      const place = (offset) => {
        let low = 0;
        for (let high = nodes.length; high - low > 1; ) {
          const middle = (low + high) >> 1;
          if (nodes[middle][0] <= offset) low = middle;
          else high = middle;
        }
        return [nodes[low][1], Math.min(offset - nodes[low][0], nodes[low][1].length)];
      };
      for (let at = text.indexOf(sought); at >= 0 && found.ranges.length < 2000; at = text.indexOf(sought, at + sought.length)) {
        const range = new Range();
        range.setStart(...place(at));
        const [node, offset] = place(at + sought.length - 1);
        range.setEnd(node, offset + 1);
        found.ranges.push(range);
      }
    }
    step(report, 1, false);
  }

  function step(report, by, told = true) {
    const { ranges } = found;
    found.at = ranges.length ? (found.at + by + ranges.length) % ranges.length : -1;
    $(".within output", report).textContent = ranges.length
      ? `${found.at + 1} of ${ranges.length}`
      : $("[data-within]", report).value.trim() ? "none" : "";
    CSS.highlights?.set("found", new Highlight(...ranges));
    CSS.highlights?.set("found-now", new Highlight(...ranges.slice(found.at, found.at + 1)));
    if (found.at < 0 || (!told && !ranges.length)) return;
    const rect = ranges[found.at].getBoundingClientRect();
    const pane = $("#right");
    const sheet = $(".printed", report);
    const top = sheet && getComputedStyle(sheet).position === "sticky" ? sheet.getBoundingClientRect().bottom : 120;
    if (rect.top < top || rect.bottom > pane.getBoundingClientRect().bottom - 20) pane.scrollTop += rect.top - top - 60;
  }

  // --- The list of documents ---

  function sift(list) {
    const words = $("[data-sift]", list)?.value.toLowerCase().split(/\s+/).filter(Boolean) || [];
    let left = 0;
    for (const item of $$("li", list)) {
      item.hidden = !words.every((word) => item.dataset.sought.includes(word));
      left += !item.hidden;
    }
    $(".none", list).hidden = left > 0;
    $("[data-pick-all] + span", list).textContent = words.length ? `Choose the ${left} shown` : "Choose all";
    ticks(list);
  }

  // Not by the rules of a language, for which "~" stands before digits.
  const compare = (one, other) => (one < other ? -1 : Number(one > other));
  const ORDERS = {
    title: () => 0,
    newest: (a, b) => compare(b.dataset.date, a.dataset.date),
    // Those without a date come last, whichever way.
    oldest: (a, b) => compare(a.dataset.date || "~", b.dataset.date || "~"),
    added: (a, b) => b.dataset.added - a.dataset.added,
  };

  function sort(list, by) {
    const items = $$("li", list);
    items.forEach((item, index) => (item.dataset.place ||= index));
    items.sort((a, b) => ORDERS[by](a, b) || a.dataset.place - b.dataset.place);
    $("ul", list).append(...items);
  }

  function ticks(list) {
    const boxes = $$("li:not([hidden]) [data-pick]", list);
    const all = $("[data-pick-all]", list);
    if (!all) return;
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  function pick(list) {
    ticks(list);
    page.tell("choose", { documents: $$("[data-pick]:checked", list).map((box) => box.dataset.pick) });
  }

  // --- The width of the panes ---

  const NARROWEST = 25;
  const WIDEST = 75; // percent of the window for the conversation
  const USUAL = 46;

  function share(percent) {
    percent = Math.round(Math.min(Math.max(percent, NARROWEST), WIDEST));
    document.documentElement.style.setProperty("--share", `${percent}%`);
    $("#divider").setAttribute("aria-valuenow", percent);
    try {
      localStorage.setItem("share", percent);
    } catch {
      // where nothing may be kept, the width lasts as long as the page
    }
  }

  // Gradio makes the panes after the script has begun.
  function divide() {
    if ($("#divider") || !$("#left")) return;
    const divider = document.createElement("div");
    divider.id = "divider";
    divider.tabIndex = 0;
    const says = { role: "separator", "aria-orientation": "vertical", "aria-label": "Width of the conversation", "aria-valuemin": NARROWEST, "aria-valuemax": WIDEST };
    for (const [name, value] of Object.entries(says)) divider.setAttribute(name, value);
    $("#left").after(divider);
    share(Number(localStorage.getItem("share")) || USUAL);
    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      divider.classList.add("dragged");
      event.preventDefault();
    });
    divider.addEventListener("pointermove", (event) => {
      if (divider.hasPointerCapture(event.pointerId)) share((event.clientX / innerWidth) * 100);
    });
    divider.addEventListener("pointerup", () => divider.classList.remove("dragged"));
    divider.addEventListener("dblclick", () => share(USUAL));
    divider.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
      const to = { Home: NARROWEST, End: WIDEST }[event.key];
      if (!by && !to) return;
      event.preventDefault();
      share(to || Number(divider.getAttribute("aria-valuenow")) + by);
    });
  }

  // --- What is used ---

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#report button");
    const report = button?.closest("article.report");
    if (!report) return;
    const data = button.dataset;
    const sheet = $(".printed", report);
    if (data.cite) cite(report, Number(data.cite));
    else if (data.found) step(report, Number(data.found));
    else if (data.leaf) turn(sheet, Number(sheet.dataset.page) + Number(data.leaf));
    else if (data.zoom) zoom(sheet, Number(data.zoom));
    else if (data.section) page.reveal($(`#section-${CSS.escape(data.section)}`, report), true);
    else if ("outline" in data) {
      const outline = $(".outline", report);
      outline.open = !outline.open;
      if (outline.open) page.reveal($("summary", outline), true);
    } else if ("wide" in data) {
      button.setAttribute("aria-pressed", page.mode("full"));
      if (sheet) aim(sheet);
    }
  });

  document.addEventListener("input", (event) => {
    const box = event.target;
    if (box.matches("[data-within]")) look(box.closest("article"), box.value);
    else if (box.matches("[data-sift]")) sift(box.closest(".document-list"));
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    const list = box.closest(".document-list");
    if (box.matches("[data-leaf-to]")) turn(box.closest(".printed"), Number(box.value));
    else if (!list) return;
    else if (box.matches("[data-sort]")) sort(list, box.value);
    else if (box.matches("[data-pick]")) pick(list);
    else if (box.matches("[data-pick-all]")) {
      $$("li:not([hidden]) [data-pick]", list).forEach((one) => (one.checked = box.checked));
      pick(list);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[data-within]")) return;
    event.preventDefault();
    step(event.target.closest("article"), event.shiftKey ? -1 : 1);
  });

  // Where all documents are asked again, none is ticked.
  function none() {
    const list = $(".document-list");
    if (!list) return;
    $$("[data-pick]", list).forEach((box) => (box.checked = false));
    ticks(list);
  }
  document.addEventListener("click", (event) => event.target.closest("[data-do=choose]") && none());

  return { begin: divide, show };
})();
