// The keys that a site trusts: those that it pinned, and those that a trusted key endorsed.
import { createHash, createPublicKey } from "node:crypto";
import { bytes, integer, object, open, refuse } from "./verify.mjs";

export function readKey({ kty, crv, x, kid }) {
  if (kty !== "OKP" || crv !== "Ed25519") refuse("wrong_key_type");
  if (typeof x !== "string" || bytes(x).length !== 32) refuse("malformed");
  const print = createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest("base64url");
  return print === kid ? createPublicKey({ key: { kty, crv, x }, format: "jwk" }) : refuse("wrong_kid");
}
export function checkEndorsement(jwk, keys, issuer = "portcullis") { // keys: a Map of kid to trusted key
  const key = readKey(jwk), claims = open(jwk.endorsement ?? refuse("not_endorsed"), "portcullis-key+jwt", keys);
  if (claims.iss !== issuer) refuse("wrong_issuer");
  const named = claims.jwk ?? {};
  if (claims.sub !== jwk.kid || named.kty !== "OKP" || named.crv !== "Ed25519" || named.x !== jwk.x) refuse("other_key");
  return integer(claims.iat, 0, 2 ** 53 - 1) ? key : refuse("wrong_claims");
}
const read = (token) => { try { return [token, object(bytes(token.split(".")[1]))]; } catch { return []; } };
export function walk({ keys: listed = [], endorsements = [] }, keys) { // adds each key that a trusted one leads to, in any order
  const named = endorsements.map(read).map(([endorsement, claims]) => ({ ...claims?.jwk, kid: claims?.sub, endorsement }));
  for (let before = -1; before !== keys.size; ) {
    before = keys.size;
    for (const jwk of [...listed, ...named]) try {
      if (!keys.has(jwk.kid)) keys.set(jwk.kid, Object.assign(checkEndorsement(jwk, keys), { by: signerOf(jwk.endorsement) }));
    } catch { /* not trusted */ }
  }
  return keys;
}
const signerOf = (token) => object(bytes(token.split(".")[0])).kid;
export function setAside({ keys: listed }, keys, signer) { // the kids that sign nothing more; `signer` signed the newest lease
  const kids = listed.map(({ kid }) => kid), from = (kid) => kid === signer || (kid !== undefined && from(keys.get(kid)?.by));
  return keys.has(signer) && kids.includes(signer) ? [...keys.keys()].filter((kid) => !kids.includes(kid) && !from(kid)) : [];
}
