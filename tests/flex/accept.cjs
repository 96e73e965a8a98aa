// Has a call accepted in each of the cases given as JSON on stdin, by Flex UI or, without one, by flex-sdk. Prints what came
// of each.

const { readFileSync } = require("node:fs");

const sdk = require("./sdk.cjs");
const { FlexUi } = require("./ui.cjs");

async function main() {
  const { modules, cases } = JSON.parse(readFileSync(0, "utf8"));
  const print = process.stdout.write.bind(process.stdout);
  // Both log there.
  for (const name of ["log", "info", "debug"]) {
    console[name] = () => {};
  }
  const ui = new FlexUi(modules);
  const results = [];
  for (const { by, ...job } of cases) {
    results.push(by === "flex-sdk" ? await sdk.accept(modules, job) : await ui.accept(job));
  }
  print(JSON.stringify(results), () => process.exit(0));
}

/** Node.js would print the line of the bundle too: all 8 MB of it. */
function fail(error) {
  console.error(error?.stack ?? error);
  process.exit(1);
}

process.on("uncaughtException", fail);
main().catch(fail);
