// A verifier of Portcullis' webhooks for Node.js, without other packages. docs/webhooks.md explains it.
import { createHmac, timingSafeEqual } from "node:crypto";

export const TOLERANCE_SECONDS = 300;
// Answer 400 and do nothing; but 200 if the code is "repeated", so that the message is not sent again.
const refuse = (code) => { throw Object.assign(new Error(code), { code }); };

// Returns the message {type, timestamp, data}. `body` is a Buffer with what was received, byte for byte. `secrets` are those that may
// have signed. `isNew` stores a message's id and says whether it was not there before; it is called for true messages only.
export async function verify(headers, body, secrets, isNew, now = Date.now() / 1000) {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => lower[`webhook-${name}`]);
  if (id === undefined || timestamp === undefined || signatures === undefined) refuse("missing_header");
  if (!/^[0-9]{1,12}$/.test(timestamp)) refuse("malformed_timestamp");
  const age = now - Number(timestamp);
  if (age > TOLERANCE_SECONDS) refuse("too_old");
  if (age < -TOLERANCE_SECONDS) refuse("too_new");
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  if (!secrets.some((secret) => isSigned(signed, signatures, secret))) refuse("wrong_signature");
  if (!(await isNew(id))) refuse("repeated");
  return JSON.parse(body);
}

// Whether one of the signatures, which spaces separate, is of version 1 and made with the secret.
function isSigned(signed, signatures, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  return signatures.split(/\s+/).map((signature) => Buffer.from(signature))
    .some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
}
