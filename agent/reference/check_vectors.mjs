// `node check_vectors.mjs FOLDER` runs the verifier on every vector in FOLDER.
import { readFileSync } from "node:fs";
import { checkEndorsement, readKey, setAside, walk } from "./keys.mjs";
import { verifyLease } from "./verify.mjs";

const read = (name) => JSON.parse(readFileSync(`${process.argv[2]}/${name}`, "utf8"));
const result = (call) => { try { call(); return null; } catch (error) { return error.code ?? String(error); } };
const wrong = [];
let count = 0;
const expect = (name, found, wanted) => { if (found !== wanted) wrong.push(`${name}: ${found}, not ${wanted}`); };

const first = read("keys.json").keys[0];
const keys = new Map([[first.kid, readKey({ kty: "OKP", crv: "Ed25519", ...first })]]);
for (const file of ["leases.json", "forgeries.json"]) {
  const { site_id: siteId, leases } = read(file);
  for (const { name, token, nonce, held, reason = null } of leases) {
    count += 1;
    expect(name, result(() => verifyLease(token, keys, { siteId, nonce, held })), reason);
  }
}
for (const { name, pinned, trusted, refused, signer, set_aside: aside, ...set } of read("endorsements.json").sets) {
  count += 1;
  const ring = walk(set, new Map([[pinned.kid, readKey(pinned)]]));
  expect(name, [...ring.keys()].sort().join(), [pinned.kid, ...trusted].sort().join());
  for (const jwk of set.keys) if (refused[jwk.kid]) expect(name, result(() => checkEndorsement(jwk, ring)), refused[jwk.kid]);
  if (signer) expect(name, setAside(set, ring, signer).sort().join(), aside.join());
}
wrong.forEach((line) => console.log(line));
if (!wrong.length) console.log(`${count} vectors hold`);
process.exit(wrong.length ? 1 : 0);
