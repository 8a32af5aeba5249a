// What the page does in the browser: focus, keys, the address, the clipboard. Whatever needs the server goes through Gradio's
// `trigger`, as an event with the data of the button that was used. document.js and library.js hold what belongs to one pane.
"use strict";
const page = (() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const question = () => $("#asking textarea");
  // Gradio lets styles begin below the body, so what the page is like stands on its own element.
  const mode = (name, on) => $("#page").toggleAttribute(`data-${name}`, on);
  const narrow = matchMedia("(max-width: 900px)");

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

  // Bring words of a document into view. On narrow screens the document lies over the conversation, but only once the reader
  // asked for it: an answer that arrives must not be covered.
  function reveal(target, asked) {
    if (narrow.matches && asked) mode("reading", true);
    const pane = $("#right");
    const sheet = $(".printed", pane);
    const covered = sheet && getComputedStyle(sheet).position === "sticky" ? sheet.getBoundingClientRect().bottom : 0;
    const from = Math.max(pane.getBoundingClientRect().top, covered);
    const above = target.getBoundingClientRect().top - from;
    pane.scrollTop += above - (pane.getBoundingClientRect().bottom - from) * 0.3;
    if (!asked) return;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    // So that Back leads to the answer.
    if (!history.state?.report) history.pushState({ report: true }, "");
  }

  function comeBack() {
    mode("reading", false);
    const article = $("#report article");
    const current = article && $("mark.current", article);
    const marker = current ? current.dataset.markers.split(" ")[0] : "";
    const turn = article ? article.dataset.turn : "";
    const back = $(`[data-turn="${CSS.escape(turn || "")}"] sup [data-marker="${CSS.escape(marker)}"]`) || question();
    back.scrollIntoView({ block: back === question() ? "nearest" : "center" });
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
    const shown = report && report.dataset.document === name && report.dataset.turn === turn;
    const marks = shown && marker ? $$(`mark[data-markers~="${CSS.escape(marker)}"]`, report) : [];
    if (marks.length) {
      $$("mark.current, .printed .current", report).forEach((mark) => mark.classList.remove("current"));
      marks.forEach((mark) => mark.classList.add("current"));
      viewer.show(report, marker);
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

  function tab(name) {
    const found = $$("[role=tab]").find((one) => one.textContent.trim() === name);
    if (found && found.getAttribute("aria-selected") !== "true") found.click();
  }

  function write(words) {
    tab("Ask");
    mode("reading", false);
    const box = question();
    box.value = words;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  function ask(words) {
    write(words);
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

  const LOOKED_AT = { Ask: "look", Conversations: "list", Library: "look", Settings: "models" };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[role=tab]")) tell(LOOKED_AT[button.textContent.trim()] || "look");
    const data = button.dataset;
    const message = button.closest(".message");
    if (message) message.hidden = true; // it has led where it leads
    if ("note" in data) reveal($(`#report [data-note-text="${CSS.escape(data.note)}"]`), true);
    else if ("back" in data) leaveReport();
    else if ("copy" in data) copy(button);
    else if ("rename" in data) rename(button);
    else if ("replace" in data) adding.sendInstead(data.replace);
    else if ("example" in data) ask(button.textContent);
    else if ("edit" in data) {
      tell("edit", { turn: data.turn, question: data.edit });
      question()?.focus();
    }
    else if (data.do) {
      const go = () => {
        if (data.do === "samples") tab("Library");
        if (data.do === "about") asked = true;
        tell(data.do, { ...data });
        if (button.closest(".holdings, .calm, .work")) tell("look");
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
    if (form.closest(".calm")) tab("Library"); // where it shows what comes of it
    tell("look");
    if (!("keep" in form.dataset)) form.reset();
  });

  // Gradio hears of the words after this does.
  document.addEventListener("input", (event) => {
    if (event.target.closest("#find")) setTimeout(() => tell("list"));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.key === "Escape") {
      preview.hide();
      if (event.target.closest("#right")) leaveReport();
      else if (event.target === question()) event.target.blur(); // from where digits lead to footnotes
    } else if (typing(event.target)) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      tab("Ask");
      mode("reading", false);
      requestAnimationFrame(() => question()?.focus()); // once the key is no longer held for what has the focus
    } else if (/^[1-9]$/.test(event.key)) {
      $(`#answer sup [data-marker="${event.key}"]`)?.click();
    }
  });

  // What a footnote says, beside its marker or its line, as long as one of these is pointed at or has the focus.
  const preview = (() => {
    const box = document.createElement("div");
    box.id = "preview";
    box.setAttribute("role", "tooltip");
    box.hidden = true;
    let of = null;
    function footnote(target) {
      const at = target.closest?.(".said [data-marker], .footnotes summary");
      if (!at) return null;
      const number = at.dataset.marker || at.closest("li").getAttribute("value");
      const item = $(`.footnotes li[value="${CSS.escape(number)}"]`, at.closest(".answer, .brief"));
      return item && !(at.matches("summary") && $("details", item).open) ? { at, item } : null;
    }
    function show(event) {
      const found = footnote(event.target);
      if (!found || found.at === of) return;
      hide();
      of = found.at;
      const place = document.createElement("p");
      place.textContent = $(".place", found.item).textContent;
      box.replaceChildren($("blockquote", found.item).cloneNode(true), place);
      of.setAttribute("aria-describedby", "preview");
      box.hidden = false;
      const rect = of.getBoundingClientRect();
      const left = Math.min(rect.left, innerWidth - box.offsetWidth - 12);
      const below = rect.bottom + 6;
      box.style.left = `${Math.max(12, left)}px`;
      box.style.top = `${below + box.offsetHeight > innerHeight ? Math.max(8, rect.top - box.offsetHeight - 6) : below}px`;
    }
    function hide() {
      of?.removeAttribute("aria-describedby");
      of = null;
      box.hidden = true;
    }
    document.addEventListener("pointerover", (event) => event.pointerType === "mouse" && show(event));
    document.addEventListener("pointerout", (event) => {
      if (of && !of.contains(event.relatedTarget)) hide();
    });
    document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && show(event));
    document.addEventListener("focusout", hide);
    document.addEventListener("click", hide);
    document.addEventListener("scroll", hide, true);
    return { box, hide };
  })();

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
      if (event.state?.report) mode("reading", narrow.matches);
      else comeBack();
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
    const words = (node) => (node.nodeType === Node.TEXT_NODE ? node.data : node.matches(".end") ? node.firstChild.textContent : "");
    const sentences = $$(":is(.said, .said > li) > span", answer).map((span) => [...span.childNodes].map(words).join(""));
    const all = sentences.join(" ") || $(".status", answer)?.textContent || "";
    if (all === spoken) return;
    $("#spoken").textContent = all.startsWith(spoken) ? all.slice(spoken.length) : all;
    spoken = all;
  }

  // What stands in the pane was exchanged.
  function shown() {
    requestAnimationFrame(() => {
      const report = $("#report :is(article, .document-list, .calm, .trouble)");
      if (report) {
        viewer.show(report);
        reveal($("mark.current", report) || report, asked);
      }
      asked = false;
    });
  }

  // As long as work is under way, it is looked at again; what the reader has asked for meanwhile comes first.
  let following = 0;
  function follow() {
    const shown = $(".models[data-busy]") ? "models" : $(":is(.work, .examples)[data-busy]") ? "look" : $(".document-page[data-busy]") ? "about" : "";
    if (following || !shown) return;
    following = setTimeout(() => {
      following = 0;
      const document = $(".document-page[data-busy]")?.dataset.of;
      if (busy || waiting.length) follow();
      else if (shown !== "about") tell(shown);
      else if (document) tell(shown, { document });
    }, 1000);
  }

  // The list of documents beside the library is to hold what the library holds.
  function looked() {
    requestAnimationFrame(() => {
      const held = $$(".holdings [data-do=discard]").length;
      const listed = $$("#report .document-list li").length;
      if ($("#report :is(.document-list, .calm)") && held !== listed) tell("open");
      follow();
    });
  }

  // A message of the server must be seen wherever the reader is.
  let warned = null;
  function warn() {
    const trouble = $("#left .trouble");
    if (trouble && trouble !== warned) trouble.scrollIntoView({ block: "nearest" });
    warned = trouble;
  }

  // Gradio changes the words of a message where it stands, so one that left has to be brought back.
  function said() {
    requestAnimationFrame(() => {
      $(".message")?.removeAttribute("hidden");
      for (const leaving of $(".message")?.getAnimations() || []) {
        leaving.currentTime = 0;
        leaving.play();
      }
    });
  }

  // Times are those of the reader's clock.
  function clocks() {
    for (const time of $$("time[datetime]:not([title])")) {
      time.title = time.dateTime;
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    }
  }

  // Whether the server is the one that made this page. Where it was started again, what the page holds of it is void, so it is
  // loaded anew; a question that was not asked yet is kept.
  const BEAT = 4000;
  let server = "";
  async function beat() {
    let now = "";
    try {
      const answer = await fetch("/health?challenge=page", { cache: "no-store" });
      if (answer.ok) now = (await answer.json()).proof || "same";
    } catch {
      // it does not answer
    }
    server ||= now;
    if (now && now !== server) {
      sessionStorage.setItem("question", question()?.value || "");
      location.reload();
      return;
    }
    $("#lost").hidden = Boolean(now);
    setTimeout(beat, BEAT);
  }

  function restore() {
    const words = sessionStorage.getItem("question");
    sessionStorage.removeItem("question");
    if (words) write(words);
  }

  // Light or dark: as the system has it, unless a reader chose otherwise.
  const dusk = matchMedia("(prefers-color-scheme: dark)");
  function theme() {
    const chosen = localStorage.getItem("theme") || "system";
    document.body.classList.toggle("dark", chosen === "dark" || (chosen === "system" && dusk.matches));
    for (const box of $$("[data-theme]")) box.checked = box.value === chosen;
  }
  dusk.addEventListener("change", theme);
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-theme]")) return;
    localStorage.setItem("theme", event.target.value);
    theme();
  });

  function add(id, tag, role, words = "") {
    const element = document.createElement(tag);
    element.id = id;
    element.setAttribute("role", role);
    element.textContent = words;
    $(".gradio-container").append(element);
    return element;
  }

  function connect(events) {
    trigger = events;
    add("spoken", "p", "status");
    add("lost", "p", "alert", "The server does not answer. This page goes on by itself once it does.").hidden = true;
    $(".gradio-container").append(preview.box);
    beat();
    theme();
    let restored = false;
    new MutationObserver(() => {
      viewer.begin();
      if (!restored && $("#report :is(.document-list, .calm, article)")) {
        restored = true;
        restore();
      }
      address();
      speak();
      follow();
      warn();
      clocks();
      if ($("[data-theme]:checked") === null) theme();
    }).observe($(".gradio-container"), {
      attributeFilter: ["data-busy", "data-conversation"],
      characterData: true,
      childList: true,
      subtree: true,
    });
  }

  return { connect, done, looked, mode, open, reveal, said, shown, tab, tell };
})();
