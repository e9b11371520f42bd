// Charts whose bars are links: one stop of the Tab key for each chart, arrow keys from bar to bar, and the words of the bar under the
// pointer or the focus below the chart. On a touch screen the first touch shows the words, the second one follows the link.
"use strict";
{
  const HINT = "Point at a bar, or use the arrow keys.";
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  let touched = null;

  const barOf = (event) => event.target.closest?.("[data-chart] svg a");
  const barsOf = (bar) => [...bar.closest("svg").querySelectorAll("a")];

  function read(bar) {
    bar.closest("[data-chart]").querySelector(".chart-reading").textContent = bar.getAttribute("aria-label");
  }

  function makeOnlyStop(stop) {
    for (const bar of barsOf(stop)) bar.setAttribute("tabindex", bar === stop ? "0" : "-1");
  }

  // The bars may be others than before: keep the one with the focus as the stop, or the former stop, or take the last.
  function begin() {
    for (const chart of document.querySelectorAll("[data-chart]")) {
      const bars = [...chart.querySelectorAll("svg a")];
      if (!bars.length) continue;
      const reading = chart.querySelector(".chart-reading");
      const focused = bars.find((bar) => bar === document.activeElement);
      if (focused) read(focused);
      else if (!reading.textContent) reading.textContent = HINT;
      makeOnlyStop(focused ?? bars.find((bar) => bar.getAttribute("tabindex") === "0") ?? bars[bars.length - 1]);
    }
  }

  document.addEventListener("pointerover", (event) => {
    const bar = barOf(event);
    if (bar) read(bar);
  });
  document.addEventListener("focusin", (event) => {
    const bar = barOf(event);
    if (!bar) return;
    makeOnlyStop(bar);
    read(bar);
  });
  document.addEventListener("keydown", (event) => {
    const bar = barOf(event);
    if (!bar || !(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const bars = barsOf(bar);
    const next = bars.indexOf(bar) + STEPS[event.key];
    bars[Math.min(Math.max(next, 0), bars.length - 1)].focus();
  });
  document.addEventListener("click", (event) => {
    const bar = barOf(event);
    if (!bar || event.pointerType !== "touch" || bar === touched) return;
    event.preventDefault();
    touched = bar;
    read(bar);
  });
  document.addEventListener("live:updated", begin);
  begin();
}
