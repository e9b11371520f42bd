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

  // Not a listener for each button: a page that refreshes itself may get new ones.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button === null) return;
    const what = document.getElementById(button.getAttribute("aria-describedby")).firstChild.textContent.trim();
    const done = await copied(document.getElementById(button.dataset.copy));
    status.textContent = "";
    // Later, because a screen reader repeats the same sentence only if it was removed before.
    setTimeout(() => {
      status.textContent = done ? `Copied: ${what}` : `${what} is selected: copy it with Ctrl+C or ⌘C`;
    }, 50);
  });

  addEventListener("pagehide", () => {
    status.textContent = "";
  });
}
