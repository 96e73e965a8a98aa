// Accepts a call in each of the cases that stdin has as JSON, with Flex UI or with flex-sdk alone. Prints the results.

const { readFileSync } = require("node:fs");

const sdk = require("./sdk.cjs");
const { FlexUi } = require("./ui.cjs");

async function main() {
  const { modules, cases } = JSON.parse(readFileSync(0, "utf8"));
  const print = process.stdout.write.bind(process.stdout);
  // Flex UI and flex-sdk log to the console.
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

/** Node.js would also print the line of the bundle, with all its 8 MB. */
function fail(error) {
  console.error(error?.stack ?? error);
  process.exit(1);
}

process.on("uncaughtException", fail);
main().catch(fail);
