// Debian's WebKitGTK, driven by WebDriver. It has no headless mode, so that it needs Xvfb as its display.

import { spawn } from "node:child_process";
import { job, LISTEN, started } from "./listens.mjs";

const driver = spawn("xvfb-run", ["--auto-servernum", job.program, `--port=${job.port}`], {
  env: { ...process.env, HOME: job.home, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
  stdio: "ignore",
  detached: true,
});

async function call(method, path, body) {
  const reply = await fetch(`http://127.0.0.1:${job.port}${path}`, { method, body: body && JSON.stringify(body) });
  const { value } = await reply.json();
  if (!reply.ok) throw new Error(value.message);
  return value;
}

try {
  await started(() => call("GET", "/status"));
  const { sessionId } = await call("POST", "/session", { capabilities: {} });
  const session = `/session/${sessionId}`;
  await call("POST", `${session}/timeouts`, { script: 2 * job.boundMs });
  await call("POST", `${session}/url`, { url: job.page });
  const seen = await call("POST", `${session}/execute/async`, { script: LISTEN, args: [job.link, job.seeks, job.rate, job.boundMs] });
  console.log(JSON.stringify(seen));
  await call("DELETE", session);
} finally {
  // Ends the whole process group: the driver, its browser and their display.
  process.kill(-driver.pid);
}
