// The copy buttons of a page; the text in #copy-status says what was copied.
"use strict";
{
  const status = document.getElementById("copy-status");

  function select(source) {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // Without HTTPS or the person's permission the clipboard is not available: execCommand copies the selected text.
  async function copied(source) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      return true;
    } catch {
      select(source);
      return document.execCommand("copy");
    }
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const what = document.getElementById(button.getAttribute("aria-describedby")).firstChild.textContent.trim();
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copied(source);
      status.textContent = "";
      // Later, because a screen reader repeats the same sentence only if it was removed before.
      setTimeout(() => {
        status.textContent = done ? `Copied: ${what}` : `${what} is selected: copy it with Ctrl+C or ⌘C`;
      }, 50);
    });
  }

  addEventListener("pagehide", () => {
    status.textContent = "";
  });
}
