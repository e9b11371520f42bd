// Keyboard shortcuts of the list of sites. A checkbox in their dialog switches those of a single key off (WCAG 2.1.4).
"use strict";
{
  const STORED = "portcullis.keyboard-shortcuts";
  const dialog = document.getElementById("keyboard-shortcuts");
  const button = document.getElementById("show-keyboard-shortcuts");
  const setting = document.getElementById("use-keyboard-shortcuts");

  const rows = () => [...document.querySelectorAll("#result_list tbody tr")];
  const rowWithFocus = () => document.activeElement.closest("#result_list tbody tr");
  const linkOf = (row) => row.querySelector("th a");

  function move(step) {
    const all = rows();
    const present = all.indexOf(rowWithFocus());
    const next = all[present === -1 ? 0 : present + step];
    if (next) linkOf(next).focus();
  }

  const ACTIONS = {
    "/": () => document.getElementById("searchbar").select(),
    j: () => move(1),
    k: () => move(-1),
    x: () => rowWithFocus()?.querySelector(".action-select")?.click(),
    o: () => {
      const row = rowWithFocus();
      if (row) linkOf(row).click();
    },
    "?": () => dialog.showModal(),
  };

  const TYPING = 'input:not([type="checkbox"], [type="radio"], [type="button"], [type="submit"]), textarea, select, [contenteditable]';

  document.addEventListener("keydown", (event) => {
    const isModified = event.ctrlKey || event.altKey || event.metaKey || event.isComposing;
    if (isModified || event.defaultPrevented || !setting.checked || !Object.hasOwn(ACTIONS, event.key)) return;
    if (event.target.closest(TYPING) || document.querySelector("dialog[open], :popover-open")) return;
    event.preventDefault();
    ACTIONS[event.key]();
  });

  // A browser may refuse to store anything; then the choice holds for this page. It is no entry that keeps the page from
  // refreshing itself: it becomes the default of the checkbox.
  try {
    setting.defaultChecked = setting.checked = localStorage.getItem(STORED) !== "off";
  } catch {}
  setting.addEventListener("change", () => {
    setting.defaultChecked = setting.checked;
    try {
      localStorage.setItem(STORED, setting.checked ? "on" : "off");
    } catch {}
  });

  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}
