// Debian's Firefox, driven by Marionette, the protocol that it has built in: JSON with its length before it, over TCP.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { job, LISTEN, started } from "./listens.mjs";

const profile = `${job.home}/profile`;
mkdirSync(profile);
writeFileSync(`${profile}/user.js`, `user_pref("media.autoplay.default", 0);\nuser_pref("marionette.port", ${job.port});\n`);
const firefox = spawn(job.program, ["--headless", "--marionette", "--no-remote", "--profile", profile], {
  env: { ...process.env, HOME: job.home },
  stdio: "ignore",
});

const socket = await started(
  () =>
    new Promise((open, fail) => {
      const trying = connect(job.port, "127.0.0.1", () => open(trying));
      trying.on("error", fail);
    }),
);
let received = Buffer.alloc(0);
let waiting = null;
socket.on("data", (data) => {
  received = Buffer.concat([received, data]);
  const colon = received.indexOf(":");
  const end = colon + 1 + Number(received.subarray(0, colon));
  if (colon < 0 || received.length < end) return;
  const message = JSON.parse(received.subarray(colon + 1, end));
  received = received.subarray(end);
  // The first message is a greeting.
  if (!Array.isArray(message)) return;
  const [, , error, result] = message;
  if (error) waiting.fail(new Error(error.message));
  else waiting.done(result);
});

let count = 0;
function call(command, parameters) {
  const message = JSON.stringify([0, ++count, command, parameters]);
  return new Promise((done, fail) => {
    waiting = { done, fail };
    socket.write(`${Buffer.byteLength(message)}:${message}`);
  });
}

try {
  await call("WebDriver:NewSession", {});
  await call("WebDriver:SetTimeouts", { script: 2 * job.boundMs });
  await call("WebDriver:Navigate", { url: job.page });
  const { value } = await call("WebDriver:ExecuteAsyncScript", { script: LISTEN, args: [job.link, job.seeks, job.rate, job.boundMs] });
  console.log(JSON.stringify(value));
} finally {
  firefox.kill("SIGKILL");
  socket.destroy();
}
