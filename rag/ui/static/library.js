// Files on their way to the library: one by one to the API, with how far that is, until it is called off. What becomes of each is
// told by the server, so that it outlives a reload.
const adding = (() => {
  const $ = (selector) => document.querySelector(selector);
  const PATIENCE = 2000; // before what the server had no room for is sent again
  let waiting = [];
  let under = null; // the request under way
  let sending = false;
  const sent = { bytes: 0, of: 0, files: 0, total: 0, began: 0 };

  function describe(loaded = 0) {
    const box = $("#sending");
    if (!box) return;
    box.hidden = !sending;
    if (!sending) return;
    const done = sent.bytes + loaded;
    const share = sent.of ? done / sent.of : 0;
    const seconds = (performance.now() - sent.began) / 1000;
    const left = share > 0.05 && seconds > 2 ? (seconds / share) * (1 - share) : 0;
    const time = left ? `, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.round(left / 60)} min`} left` : "";
    box.querySelector("p").textContent =
      `Sending ${sent.files + 1} of ${sent.total}: ${Math.round(share * 100)} %${time}`;
    box.querySelector("progress").value = share;
  }

  function tell(name, why) {
    const list = $("#sent");
    if (!list) return;
    const item = document.createElement("li");
    item.textContent = `${name}: ${why}`;
    list.append(item);
    list.hidden = false;
  }

  function post(file, replaces) {
    const library = $("#head header")?.dataset.library;
    const query = new URLSearchParams({ ...(library && { library }), ...(replaces && { replaces }) });
    const form = new FormData();
    form.append("file", file, file.name);
    return new Promise((resolve) => {
      under = new XMLHttpRequest();
      under.open("POST", `/v1/documents?${query}`);
      under.upload.addEventListener("progress", (event) => describe(Math.min(event.loaded, file.size)));
      under.addEventListener("loadend", () => resolve(under));
      under.send(form);
    });
  }

  function reason(answer) {
    try {
      return JSON.parse(answer.responseText).detail;
    } catch {
      return "it could not be sent; try again.";
    }
  }

  async function run() {
    sending = true;
    while (waiting.length) {
      const [file, replaces] = waiting[0];
      describe();
      const answer = await post(file, replaces);
      if (!waiting.length) break; // called off
      if (answer.status === 503) {
        await new Promise((resolve) => setTimeout(resolve, PATIENCE));
        continue;
      }
      waiting.shift();
      if (answer.status !== 202) tell(file.name, reason(answer));
      sent.bytes += file.size;
      sent.files += 1;
      page.tell("look");
    }
    sending = false;
    Object.assign(sent, { bytes: 0, of: 0, files: 0, total: 0 });
    describe();
  }

  function send(files, replaces = "") {
    if (!files.length) return;
    page.tab("Library");
    const list = $("#sent");
    if (!sending && list) {
      list.replaceChildren();
      list.hidden = true;
    }
    if (!sending) sent.began = performance.now();
    for (const file of files) {
      waiting.push([file, replaces]);
      sent.total += 1;
      sent.of += file.size;
    }
    if (!sending) run();
  }

  function halt() {
    const left = waiting.length;
    waiting = [];
    under?.abort();
    if (left) tell(`${left} ${left === 1 ? "file" : "files"}`, "not sent, as you cancelled.");
  }

  // An input of its own: a choice that is called off must leave no trace for the next file.
  function sendInstead(report) {
    const input = document.createElement("input");
    input.type = "file";
    input.addEventListener("change", () => send([...input.files], report));
    input.click();
  }

  // What no reader means to add: files that systems hide.
  const meant = (file) => !file.name.startsWith(".") && file.name !== "Thumbs.db";

  async function entries(entry) {
    if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) break;
      for (const one of some) found.push(...(await entries(one)));
    }
    return found;
  }

  async function dropped(transfer) {
    const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = roots.length ? (await Promise.all(roots.map(entries))).flat() : [...transfer.files];
    send(files.filter(meant));
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches("#files, #folder-files")) return;
    send([...event.target.files].filter(meant));
    event.target.value = "";
  });
  // A file that is dropped beside the place for it must not take the place of the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    if (event.dataTransfer.types.includes("Files")) page.mode("dropping", true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) page.mode("dropping", false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    page.mode("dropping", false);
    if (event.dataTransfer.types.includes("Files")) dropped(event.dataTransfer);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("halt" in button.dataset) halt();
    else if (button.dataset.choose) {
      page.tab("Library");
      requestAnimationFrame(() => document.getElementById(button.dataset.choose)?.click());
    } else if (button.dataset.do === "cancel") halt();
  });

  return { sendInstead };
})();
