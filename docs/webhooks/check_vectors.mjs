// `node check_vectors.mjs` runs the verifier on every vector beside it.
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";

const { vectors } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
let wrong = 0;
for (const { name, headers, body, secrets, handled, now, refused } of vectors) {
  const isNew = (id) => !handled.includes(id);
  let found = null;
  try {
    await verify(headers, Buffer.from(body), secrets, isNew, now);
  } catch (error) {
    found = error.code ?? String(error);
  }
  if (found !== refused) {
    wrong += 1;
    console.log(`${name}: ${found}, not ${refused}`);
  }
}
if (!wrong) console.log(`${vectors.length} vectors hold`);
process.exit(wrong ? 1 : 0);
