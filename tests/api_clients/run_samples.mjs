// Runs examples in JavaScript as a reader does, each as a module: node run_samples.mjs JOBS
// JOBS is a JSON file with {name: {file, environment}}; prints {name: "" or the message of what was thrown}.
import { readFile } from "node:fs/promises";

const jobs = JSON.parse(await readFile(process.argv[2], "utf8"));
const results = {};
console.log = () => {};
for (const [name, { file, environment }] of Object.entries(jobs)) {
  Object.assign(process.env, environment);
  try {
    await import(file);
    results[name] = "";
  } catch (error) {
    results[name] = String(error.message);
  }
}
process.stdout.write(JSON.stringify(results));
