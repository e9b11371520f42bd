// Keeps the mark of open critical incidents in the header up to date: asks for it every half minute while the page can be seen.
// The request does not count as a use of the session.
"use strict";
{
  const mark = document.getElementById("critical-mark");
  const SECOND = 1000;
  const INTERVAL = 30 * SECOND;
  let askedAt = Date.now(), isStopped = mark === null;

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    if (fresh.innerHTML.trim() === mark.innerHTML.trim()) return;
    const hadFocus = mark.contains(document.activeElement);
    mark.replaceChildren(...fresh.childNodes);
    if (hadFocus) mark.querySelector("a")?.focus({ preventScroll: true });
  }

  async function refresh() {
    askedAt = Date.now();
    try {
      const answer = await fetch(mark.dataset.url, {
        headers: { "Live-Refresh": "1" },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(20 * SECOND),
      });
      if (answer.ok) show(await answer.text());
      // Signed out: the next page says so.
      else if (answer.status < 500 && answer.status !== 429) isStopped = true;
    } catch {
      // No answer: it asks again in half a minute.
    }
  }

  function tick() {
    if (!isStopped && !document.hidden && Date.now() - askedAt >= INTERVAL) refresh();
  }

  document.addEventListener("visibilitychange", tick);
  setInterval(tick, SECOND);
}
