// A second click sends nothing: the first answer, which may show a key once, must be the one that arrives.
"use strict";
{
  const forms = document.querySelectorAll("[data-submit-once], #site_form");
  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
      }
      form.dataset.sent = "yes";
    });
  }
  // Back from another page, the form may be sent again: the server knows what it did already.
  addEventListener("pageshow", () => forms.forEach((form) => delete form.dataset.sent));
}
