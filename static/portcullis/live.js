// Keeps the page up to date: fetches it again every few seconds and changes what differs inside elements with `data-live`.
//
// It does not refresh while the page is hidden, while a form or a dialog is in use, while text in a live element is selected, or
// within a second of a key or a movement of the pointer, so that nothing moves away under a click. The request says what it is,
// so that it does not count as a use of the session.
"use strict";
{
  const SECOND = 1000;
  const status = document.getElementById("live-status");
  const text = status.querySelector("span");
  const button = status.querySelector("button");
  const url = status.dataset.url || location.href.split("#")[0];
  const beginning = Date.now();
  // Scripts and people change these; the server does not know.
  const KEPT = new Set(["hidden", "open", "tabindex", "aria-expanded"]);

  let updatedAt = beginning, askedAt = beginning, activeAt = 0, problem = "";
  let isPaused = false, isAsking = false, isStopped = false;

  // --- When ---

  // An element that will soon change asks for it more often than the page does.
  function interval() {
    const soonest = document.querySelector("[data-live] [data-live-seconds]");
    return Number(soonest?.dataset.liveSeconds ?? status.dataset.seconds) * SECOND;
  }

  function isChanged(control) {
    if (control.type === "hidden") return false;
    if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
    if (control.tagName !== "SELECT") return control.value !== control.defaultValue;
    const options = [...control.options];
    const initial = options.findLast((option) => option.defaultSelected) ?? options[0];
    return !control.multiple && initial !== undefined && !initial.selected;
  }

  function isInUse() {
    const focused = document.activeElement;
    // A row that is selected is found below; one that is not selected any more only keeps the focus.
    if (focused && focused.matches("input:not([type=checkbox], [type=radio]), select, textarea")) return true;
    if (document.querySelector("dialog[open]")) return true;
    return [...document.querySelectorAll("#content input, #content select, #content textarea")].some(isChanged);
  }

  function isSelected(element) {
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
  }

  function mustWait() {
    if (document.hidden || isStopped || isPaused || isAsking || Date.now() - activeAt < SECOND || isInUse()) return true;
    return [...document.querySelectorAll("[data-live]")].some(isSelected);
  }

  // --- What ---

  function keyOf(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("aria-labelledby") || "" : "";
  }

  function isSameKind(old, fresh) {
    return old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
  }

  function updateAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !KEPT.has(name)) old.setAttribute(name, value);
    }
  }

  // Makes `old` like `fresh`, and keeps what is equal, so that focus, open details and positions stay. Forms and what a script has
  // written (`data-kept`) are never changed.
  function update(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    if (old.matches("form, [data-kept]")) return;
    updateAttributes(old, fresh);
    const left = [...old.childNodes];
    const placed = [...fresh.childNodes].map((child) => {
      const found = left.findIndex((each) => isSameKind(each, child));
      if (found < 0) return document.importNode(child, true);
      const [kept] = left.splice(found, 1);
      update(kept, child);
      return kept;
    });
    // First, because what stands behind them would have to be moved, and what is moved loses the focus.
    for (const each of left) each.remove();
    for (const [position, node] of placed.entries()) {
      if (old.childNodes[position] !== node) old.insertBefore(node, old.childNodes[position] ?? null);
    }
  }

  function show(html) {
    const focused = document.activeElement;
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const element of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(element.id);
      if (!fresh) continue;
      update(element, fresh);
      // What had the focus is gone: keep the place for those who use the keyboard.
      if (!focused.isConnected && document.activeElement === document.body) {
        element.tabIndex = -1;
        element.focus({ preventScroll: true });
      }
    }
    if (focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    document.dispatchEvent(new Event("live:updated"));
  }

  // --- How ---

  async function refresh() {
    isAsking = true;
    askedAt = Date.now();
    try {
      const answer = await fetch(url, {
        headers: { "Live-Refresh": "1" },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(20 * SECOND),
      });
      const html = answer.ok ? await answer.text() : "";
      isAsking = false;
      if (answer.ok && !mustWait()) {
        show(html);
        updatedAt = askedAt;
        problem = "";
      } else if (!answer.ok && answer.status < 500 && answer.status !== 429) {
        stop("Not updated any more; you may have been signed out.");
      } else if (!answer.ok) {
        problem = "the server is busy";
      }
    } catch {
      problem = "no answer from the server";
    }
    isAsking = false;
    write();
  }

  function stop(words) {
    isStopped = true;
    text.textContent = words;
    button.textContent = "Reload";
    button.onclick = () => location.reload();
  }

  function ago(milliseconds) {
    const seconds = Math.floor(milliseconds / (10 * SECOND)) * 10;
    if (seconds < 10) return "just now";
    return seconds < 120 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
  }

  function write() {
    if (isStopped) return;
    if (document.querySelector("[data-live-done]")) {
      isStopped = true;
      status.hidden = true;
      return;
    }
    const isLate = Date.now() - askedAt > interval() + 10 * SECOND;
    const notes = isPaused ? ", paused" : problem ? `: ${problem}` : isLate ? ", waiting while the page is in use" : "";
    const words = `Updated ${ago(Date.now() - updatedAt)}${notes}`;
    if (text.textContent !== words) text.textContent = words;
  }

  function togglePause() {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Resume" : "Pause";
    write();
  }

  function tick() {
    if (Date.now() - askedAt >= interval() && !mustWait()) refresh();
    write();
  }

  button.onclick = togglePause;
  status.hidden = false;
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    addEventListener(name, () => { activeAt = Date.now(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, SECOND);
  write();
}
