// Shows the theme of one's own settings. It runs in the head, before anything is drawn.
"use strict";
{
  const root = document.documentElement;
  const { theme: chosen, saveAt } = document.currentScript.dataset;

  function show(theme) {
    root.dataset.theme = theme;
    // For pages without a signed-in admin: they look like the pages before in this browser.
    localStorage.setItem("theme", theme);
  }

  show(chosen || localStorage.getItem("theme") || "auto");

  // The first step always changes what is seen.
  function after(theme) {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const order = isDark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    return order[(order.indexOf(theme) + 1) % order.length];
  }

  async function save(theme) {
    const body = new FormData(document.getElementById("logout-form")); // for its CSRF token
    body.set("theme", theme);
    const answer = await fetch(saveAt, { method: "POST", body, redirect: "error", keepalive: true });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    saved = theme;
  }

  let saved = root.dataset.theme;
  let saving = Promise.resolve(); // one after another, so that the last click counts

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".theme-toggle")) return;
    const theme = after(root.dataset.theme);
    show(theme);
    saving = saving
      .then(() => save(theme))
      .catch((error) => {
        console.warn("The theme was not saved:", error);
        show(saved);
      });
  });
}
