// What the page does in the browser: focus, keys, the address, the clipboard. Whatever needs the server goes through Gradio's
// `trigger`, as an event with the data of the button that was used.
"use strict";
const page = (() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const question = () => $("#asking textarea");

  // What is asked of the server goes one after the other, and with a pause: Gradio loses what comes while the stream of an
  // earlier answer is being closed. The page itself is the first thing that is asked for.
  const PAUSE = 150;
  const PATIENCE = 4000;
  const waiting = [];
  let trigger = null;
  let busy = true;
  let lost = 0;
  function tell(name, data = {}) {
    if (name !== "look" || waiting.at(-1)?.[0] !== name) waiting.push([name, data]);
    next();
  }
  function next() {
    if (busy || !waiting.length) return;
    const [name, data] = waiting.shift();
    if (name === "ask") $("#asking .primary").click(); // not held again, since nothing is under way yet
    busy = true;
    if (name === "ask") {
      done();
      return;
    }
    lost = setTimeout(() => {
      if (name === "look") waiting.unshift([name, data]); // which changes nothing, so it may be asked again
      done();
    }, PATIENCE);
    trigger(name, data);
  }
  function done() {
    clearTimeout(lost);
    setTimeout(() => {
      busy = false;
      next();
    }, PAUSE);
  }

  // A question is asked by Gradio itself; it waits, too, for what is under way.
  function hold(event) {
    const clicked = event.type === "click" && event.target.closest("#asking .primary");
    const entered = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === question();
    if (!busy || !(clicked || entered)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (!waiting.some(([name]) => name === "ask")) waiting.push(["ask", {}]);
  }
  document.addEventListener("click", hold, true);
  document.addEventListener("keydown", hold, true);

  // Bring words of the report into view. The pane scrolls by itself; where it does not, on narrow screens, the page moves, but
  // only when the reader asked for it: an answer that arrives must not push itself out of sight.
  function reveal(target, asked) {
    const pane = $("#right");
    if (getComputedStyle(pane).overflowY === "auto") {
      const above = target.getBoundingClientRect().top - pane.getBoundingClientRect().top;
      pane.scrollTop += above - pane.clientHeight * ($(".printed", pane) ? 0.6 : 0.33);
    } else if (asked) {
      target.scrollIntoView({ block: "center" });
    }
    if (!asked) return;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    // So that Back leads to the answer.
    if (!history.state?.report) history.pushState({ report: true }, "");
  }

  function comeBack() {
    const article = $("#report article");
    const current = article && $("mark.current", article);
    const marker = current ? current.dataset.markers.split(" ")[0] : "";
    const turn = article ? article.dataset.turn : "";
    const back = $(`[data-turn="${CSS.escape(turn || "")}"] sup [data-marker="${CSS.escape(marker)}"]`) || question();
    back.scrollIntoView({ block: "center" });
    back.focus({ preventScroll: true });
  }

  function leaveReport() {
    if (history.state?.report) history.back();
    else comeBack();
  }

  let asked = false;

  function open(button) {
    const { document: name, start, end, marker } = button.dataset;
    const turn = button.closest("[data-turn]")?.dataset.turn;
    const report = $("#report article");
    const shown = report && report.dataset.document === name && report.dataset.turn === turn && !$(".printed", report);
    const marks = shown && marker ? [...report.querySelectorAll(`mark[data-markers~="${CSS.escape(marker)}"]`)] : [];
    if (marks.length) {
      report.querySelectorAll("mark.current").forEach((mark) => mark.classList.remove("current"));
      marks.forEach((mark) => mark.classList.add("current"));
      reveal(marks[0], true);
    } else {
      asked = true;
      tell("open", { document: name, start, end, turn });
    }
  }

  // Asks before what cannot be undone.
  function sure(what, go) {
    const dialog = document.createElement("dialog");
    dialog.innerHTML = '<p id="sure"></p><form method="dialog"><button value="">Keep</button> <button value="go" class="grave"></button></form>';
    dialog.setAttribute("aria-labelledby", "sure");
    $("p", dialog).textContent = what.dataset.sure;
    $(".grave", dialog).textContent = what.textContent;
    dialog.addEventListener("close", () => {
      if (dialog.returnValue) go();
      dialog.remove();
    });
    ($(".gradio-container") || document.body).append(dialog);
    dialog.showModal();
  }

  function rename(button) {
    const name = $("[data-do=resume]", button.closest("li"));
    const box = document.createElement("input");
    box.value = name.textContent;
    box.maxLength = 200;
    box.setAttribute("aria-label", "New name");
    const end = () => {
      box.replaceWith(name);
      button.focus();
    };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") tell("rename", { conversation: button.dataset.conversation, name: box.value });
      if (event.key === "Enter" || event.key === "Escape") end();
    });
    name.replaceWith(box);
    box.select();
  }

  function ask(words) {
    const tab = [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === "Ask");
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
    const box = question();
    box.value = words;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => $("#asking button.primary").click()); // once Gradio has heard of the words
  }

  async function copy(button) {
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser does not let this page copy";
    }
    setTimeout(() => (button.textContent = said), 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[role=tab]")) tell({ Conversations: "list", Models: "models" }[button.textContent.trim()] || "look");
    const data = button.dataset;
    if ("note" in data) reveal($(`#report [data-note-text="${CSS.escape(data.note)}"]`), true);
    else if ("back" in data) leaveReport();
    else if ("copy" in data) copy(button);
    else if ("rename" in data) rename(button);
    else if ("replace" in data) sendInstead(data.replace);
    else if ("example" in data) ask(button.textContent);
    else if (data.do) {
      const go = () => {
        tell(data.do, { ...data });
        if (button.closest(".holdings")) tell("look");
      };
      if (data.sure) sure(button, go);
      else go();
    } else if ("document" in data) open(button);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-form]");
    if (!form) return;
    event.preventDefault();
    tell(form.dataset.form, Object.fromEntries(new FormData(form)));
    tell("look");
    form.reset();
  });

  // Files go to the API one by one; what becomes of each is told by the server, so that it outlives a reload.
  async function send(files, replaces = "") {
    const library = $("#head header")?.dataset.library;
    const told = [];
    for (const file of files) {
      $("#sent").textContent = `Sending ${file.name} …`;
      const form = new FormData();
      form.append("file", file);
      try {
        const query = new URLSearchParams({ ...(library && { library }), ...(replaces && { replaces }) });
        const answer = await fetch(`/v1/documents?${query}`, { method: "POST", body: form });
        if (!answer.ok) told.push(`${file.name}: ${(await answer.json()).detail}`);
      } catch {
        told.push(`${file.name}: it could not be sent; try again.`);
      }
      tell("look");
    }
    $("#sent").textContent = told.join("\n");
  }

  // An input of its own: a choice that is called off must leave no trace for the next file.
  function sendInstead(report) {
    const input = document.createElement("input");
    input.type = "file";
    input.addEventListener("change", () => send([...input.files], report));
    input.click();
  }

  // Gradio hears of the words after this does.
  document.addEventListener("input", (event) => {
    if (event.target.closest("#find")) setTimeout(() => tell("list"));
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "files") return;
    send([...event.target.files]);
    event.target.value = "";
  });
  // A file that is dropped beside the place for it must not take the place of the page.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if ($("#files") && event.dataTransfer.files.length) send([...event.dataTransfer.files]);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.key === "Escape") {
      if (event.target.closest("#right")) leaveReport();
      else if (event.target === question()) event.target.blur(); // from where digits lead to footnotes
    } else if (typing(event.target)) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      question()?.focus();
    } else if (/^[1-9]$/.test(event.key)) {
      $(`#answer sup [data-marker="${event.key}"]`)?.click();
    }
  });

  // The address names the conversation, so that it outlives a reload and can be kept as a bookmark.
  let named = "";
  function address() {
    const { library, conversation } = $("#head header")?.dataset || {};
    if (conversation === undefined || `${library}/${conversation}` === named) return;
    named = `${library}/${conversation}`;
    const names = new URLSearchParams(location.search);
    if ((names.get("conversation") || "") === conversation && (!conversation || names.get("library") === library)) return;
    const url = conversation ? `?${new URLSearchParams({ library, conversation })}` : location.pathname;
    if (names.get("conversation")) history.pushState(null, "", url);
    else history.replaceState(history.state, "", url);
  }

  addEventListener("popstate", (event) => {
    const names = new URLSearchParams(location.search);
    const conversation = $("#head header")?.dataset.conversation || "";
    const wanted = names.get("conversation") || "";
    if (wanted === conversation) {
      if (!event.state?.report && !location.hash) comeBack();
    } else if (wanted) {
      tell("resume", { library: names.get("library"), conversation: wanted });
    } else {
      tell("start");
    }
  });

  // An answer is read out as it comes: each sentence once, and what is said of its progress.
  let spoken = "";
  let turn = "";
  function speak() {
    const answer = $("#answer .answer");
    if (!answer) return;
    if (answer.dataset.turn !== turn) {
      turn = answer.dataset.turn;
      spoken = "";
      if (turn !== "0") answer.scrollIntoView({ block: "start" });
    }
    const sentences = [...answer.querySelectorAll(".said > span")].map((span) => span.firstChild.textContent);
    const all = sentences.join(" ") || $(".status", answer)?.textContent || "";
    if (all === spoken) return;
    $("#spoken").textContent = all.startsWith(spoken) ? all.slice(spoken.length) : all;
    spoken = all;
  }

  // The picture of a page begins at the marked lines. Where there is none, as the file is gone, the text stands alone.
  document.addEventListener("load", (event) => {
    const sheet = event.target.closest?.(".printed [role=region]");
    const line = sheet && $("span", sheet);
    if (line) sheet.scrollTop = line.offsetTop - sheet.clientHeight / 3;
  }, true);
  document.addEventListener("error", (event) => event.target.closest?.(".printed")?.remove(), true);

  // What stands in the pane was exchanged.
  function shown() {
    requestAnimationFrame(() => {
      const report = $("#report :is(article, .report-list, .calm)");
      if (report) reveal($("mark.current", report) || report, asked);
      asked = false;
    });
  }

  // As long as work is under way, it is looked at again.
  let following = 0;
  function follow() {
    const busy = $(".models[data-busy]") ? "models" : $(":is(.work, .examples)[data-busy]") ? "look" : "";
    if (following || !busy) return;
    following = setTimeout(() => {
      following = 0;
      tell(busy);
    }, 1000);
  }

  // The list of reports beside the library is to hold what the library holds.
  function looked() {
    requestAnimationFrame(() => {
      const held = document.querySelectorAll(".holdings [data-do=discard]").length;
      const listed = document.querySelectorAll("#report .report-list li").length;
      if ($("#report :is(.report-list, .calm)") && held !== listed) tell("open");
      follow();
    });
  }

  function connect(events) {
    trigger = events;
    const live = document.createElement("p");
    live.id = "spoken";
    live.setAttribute("role", "status");
    $(".gradio-container").append(live);
    new MutationObserver(() => {
      address();
      speak();
      follow();
    }).observe($(".gradio-container"), {
      attributeFilter: ["data-busy", "data-conversation"],
      characterData: true,
      childList: true,
      subtree: true,
    });
  }

  return { connect, done, looked, shown };
})();
