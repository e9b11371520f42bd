// Removes what a page shows only once when the person leaves it: the browser may keep the page and show it again on the way back.
"use strict";
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) {
    secret.removeAttribute("href");
    secret.textContent = "shown once";
  }
});
