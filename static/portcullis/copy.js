// Copies what stands on the page of a new key, says so, and leaves no key behind when the page is left.
"use strict";
{
  const said = document.getElementById("said");

  function select(source) {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // Without HTTPS, or where the person forbids it, a page has no clipboard; the old command copies what is selected.
  async function copied(source) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      return true;
    } catch {
      select(source);
      return document.execCommand("copy");
    }
  }

  for (const button of document.querySelectorAll("[data-copies]")) {
    const source = document.getElementById(button.dataset.copies);
    const what = document.getElementById(button.getAttribute("aria-describedby")).firstChild.textContent.trim();
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copied(source);
      said.textContent = "";
      // In a later turn: a screen reader says the same sentence again only if it went away in between.
      setTimeout(() => {
        said.textContent = done ? `Copied: ${what}` : `${what} is selected: copy it with Ctrl+C or ⌘C`;
      }, 50);
    });
  }

  // A browser may keep the page as it was, to show it again on the way back.
  addEventListener("pagehide", () => {
    for (const secret of document.querySelectorAll("[data-secret]")) {
      secret.textContent = "shown once";
    }
    said.textContent = "";
  });
}
