// Shows the theme of the settings. It runs in the head, before anything is drawn.
"use strict";
{
  const root = document.documentElement;
  const { theme: chosen, saveAt } = document.currentScript.dataset;
  // On pages without a signed-in admin: as the pages before in this browser.
  root.dataset.theme = chosen || localStorage.getItem("theme") || "auto";
  if (chosen) localStorage.setItem("theme", chosen);

  const show = (theme) => {
    root.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  };

  // The first step always changes what is seen.
  const after = (theme) => {
    const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const order = isDark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    return order[(order.indexOf(theme) + 1) % order.length];
  };

  const save = async (theme) => {
    const body = new FormData(document.getElementById("logout-form"));  // for its CSRF token
    body.set("theme", theme);
    const answer = await fetch(saveAt, { method: "POST", body, redirect: "error" });
    if (!answer.ok) throw new Error(`The theme was not saved: ${answer.status}`);
  };

  document.addEventListener("click", async (event) => {
    if (!event.target.closest(".theme-toggle")) return;
    const before = root.dataset.theme;
    show(after(before));
    try {
      await save(root.dataset.theme);
    } catch (error) {
      console.warn(error);
      show(before);
    }
  });
}
