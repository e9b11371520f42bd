// Uploads a file with a progress bar, and takes one that is dropped on the form. Without this script the form is sent as usual.
"use strict";
{
  const GENERIC = "The file was not uploaded. Try again.";

  function prepare(form) {
    const input = form.querySelector("input[type=file]");
    const button = form.querySelector("input[type=submit]");
    const progress = form.querySelector("progress");
    const error = form.querySelector(".file-error");

    function fail(text) {
      error.textContent = text;
      error.hidden = false;
      progress.hidden = true;
      button.disabled = false;
    }

    function finish(request) {
      const answer = request.getResponseHeader("Content-Type")?.startsWith("application/json") ? JSON.parse(request.responseText) : {};
      if (!answer.url) return fail(answer.error || (request.status === 413 ? "The file is too large." : GENERIC));
      form.reset(); // an entry would keep the page from being reloaded in the right place
      history.replaceState(null, "", answer.url);
      location.reload();
    }

    function send() {
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) progress.value = event.loaded / event.total;
      });
      request.addEventListener("load", () => finish(request));
      request.addEventListener("error", () => fail(GENERIC));
      error.hidden = true;
      progress.value = 0;
      progress.hidden = false;
      button.disabled = true;
      request.send(new FormData(form));
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!button.disabled) send();
    });
    form.querySelector(".file-drop").hidden = false;
    form.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      form.classList.add("is-over");
    });
    form.addEventListener("dragleave", (event) => {
      if (!form.contains(event.relatedTarget)) form.classList.remove("is-over");
    });
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      form.classList.remove("is-over");
      if (event.dataTransfer.files.length !== 1) return fail("Drop one file at a time.");
      input.files = event.dataTransfer.files;
      error.hidden = true;
    });
  }

  document.querySelectorAll("[data-file-form]").forEach(prepare);
}
