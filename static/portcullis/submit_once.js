// Sends a form only once, even if its button is clicked again: the answer to the first click may show a key.
"use strict";
{
  const forms = document.querySelectorAll("[data-submit-once]");
  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
      }
      form.dataset.sent = "yes";
    });
  }
  // After coming back to the page, the form may be sent again: the server recognizes a form that it has handled.
  addEventListener("pageshow", () => forms.forEach((form) => delete form.dataset.sent));
}
