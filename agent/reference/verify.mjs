// A verifier of Portcullis' leases for Node.js, with Node's own crypto only; keys.mjs says which keys are trusted.
// docs/protocol.md explains both, and check_vectors.mjs runs them on every vector.
import { verify as verifySignature } from "node:crypto";

export const refuse = (code) => { throw Object.assign(new Error(code), { code }); };
export const integer = (value, low, high) => Number.isSafeInteger(value) && value >= low && value <= high;
const moment = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(value)
  && !isNaN(Date.parse(value)) && new Date(value).toISOString().slice(0, 19) === value.slice(0, 19);
const textOrNull = (value) => value === null || (typeof value === "string" && !/\p{Surrogate}/u.test(value));

export function bytes(text) {
  const data = Buffer.from(text, "base64url");
  return data.toString("base64url") === text ? data : refuse("malformed");
}
export function object(data) { // JSON.parse takes the last of repeated names: look for them first
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data), value = JSON.parse(text), open = [];
  for (const [token, name, colon] of text.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:)?|[[\]{}]/g)) {
    if ("[{".includes(token) && open.push(new Set()) > 16) refuse("malformed");
    else if ("]}".includes(token)) open.pop();
    else if (colon && open.at(-1).size === open.at(-1).add(JSON.parse(`"${name}"`)).size) refuse("malformed");
  }
  return value && typeof value === "object" && !Array.isArray(value) ? value : refuse("malformed");
}
const readable = (call) => { try { return call(); } catch { refuse("malformed"); } };

export function open(token, typ, keys) {
  if (token.length > 16384) refuse("too_large");
  const parts = token.split(".");
  if (parts.length !== 3) refuse("malformed");
  const [header, payload, signature] = readable(() => [object(bytes(parts[0])), bytes(parts[1]), bytes(parts[2])]);
  if (header.alg !== "EdDSA") refuse("wrong_algorithm");
  if (header.typ !== typ) refuse("wrong_type");
  if ("crit" in header) refuse("critical_header");
  if (typeof header.kid !== "string") refuse("malformed");
  const key = keys.get(header.kid) ?? refuse("unknown_key");
  if (!verifySignature(null, Buffer.from(`${parts[0]}.${parts[1]}`), key, signature)) refuse("bad_signature");
  return readable(() => object(payload));
}
export function verifyLease(token, keys, { siteId, nonce = null, held = null, issuer = "portcullis" }) {
  const lease = open(token, "portcullis-lease+jwt", keys), latest = 253402300799;
  if (lease.iss !== issuer) refuse("wrong_issuer");
  if (lease.sub !== siteId) refuse("other_site");
  const shaped = integer(lease.iat, 0, latest) && integer(lease.exp, lease.iat + 1, latest) && typeof lease.jti === "string"
    && integer(lease.revision, 0, 2 ** 53 - 1) && integer(lease.next_heartbeat_seconds, 1, 2 ** 53 - 1)
    && typeof lease.licensed === "boolean" && typeof lease.locked === "boolean" && textOrNull(lease.lock_reason)
    && textOrNull(lease.nonce) && (lease.license_expires_at === null || moment(lease.license_expires_at))
    && moment(lease.server_time) && Array.isArray(lease.stop_on) && lease.stop_on.every((s) => typeof s === "string");
  if (!shaped) refuse("wrong_claims");
  if (nonce !== null && lease.nonce !== nonce) refuse("wrong_nonce");
  if (held && lease.revision < held.revision) refuse("lower_revision");
  if (held && lease.revision === held.revision && lease.iat < held.iat) refuse("older");
  return lease;
}
