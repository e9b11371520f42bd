// Security keys: asks the browser for what the page's JSON says, and sends its answer with the form.
"use strict";

(() => {
  const form = document.querySelector("form[data-webauthn]");
  if (!form) return;
  const button = form.querySelector("[data-webauthn-start]");
  const status = form.querySelector("[data-webauthn-status]");
  const { publicKey } = JSON.parse(document.getElementById("webauthn-options").textContent);

  if (!window.PublicKeyCredential) {
    button.disabled = true;
    status.textContent = "This browser offers no security keys here; they need HTTPS.";
    return;
  }

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (keys) => (keys || []).map((key) => ({ ...key, id: toBytes(key.id) }));

  const create = () =>
    navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: toBytes(publicKey.challenge),
        user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
        excludeCredentials: withBytes(publicKey.excludeCredentials),
      },
    });
  const get = () =>
    navigator.credentials.get({
      publicKey: {
        ...publicKey,
        challenge: toBytes(publicKey.challenge),
        allowCredentials: withBytes(publicKey.allowCredentials),
      },
    });

  const asJson = ({ id, rawId, type, response }) => {
    const parts = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
      if (response[name]) parts[name] = toText(response[name]);
    }
    return JSON.stringify({ id, rawId: toText(rawId), type, response: parts });
  };

  button.addEventListener("click", async () => {
    status.textContent = "Waiting for the key…";
    try {
      const credential = await (form.dataset.webauthn === "create" ? create() : get());
      form.querySelector("[name$=answer]").value = asJson(credential);
      form.submit();
    } catch (error) {
      const known = error.name === "InvalidStateError";
      status.textContent = known ? "This key is registered already." : "The key did not answer. Try again.";
    }
  });
})();
