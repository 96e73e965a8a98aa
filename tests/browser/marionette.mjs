// Marionette, the protocol that is built into Firefox to control it: JSON with its length before it, over TCP.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { started } from "./listens.mjs";

/** Starts Firefox, runs `visit` with `call(command, parameters)`, and ends it. */
export async function withFirefox({ program, port, home }, visit) {
  const profile = `${home}/profile`;
  mkdirSync(profile);
  writeFileSync(`${profile}/user.js`, `user_pref("media.autoplay.default", 0);\nuser_pref("marionette.port", ${port});\n`);
  const firefox = spawn(program, ["--headless", "--marionette", "--no-remote", "--profile", profile], {
    env: { ...process.env, HOME: home },
    stdio: "ignore",
  });
  const socket = await started(
    () =>
      new Promise((open, fail) => {
        const trying = connect(port, "127.0.0.1", () => open(trying));
        trying.on("error", fail);
      }),
  );
  try {
    const call = caller(socket);
    await call("WebDriver:NewSession", {});
    await visit(call);
  } finally {
    firefox.kill("SIGKILL");
    socket.destroy();
  }
}

/** Returns a function that sends commands one after the other, and returns the result of each. */
function caller(socket) {
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
  return (command, parameters) => {
    const message = JSON.stringify([0, ++count, command, parameters]);
    return new Promise((done, fail) => {
      waiting = { done, fail };
      socket.write(`${Buffer.byteLength(message)}:${message}`);
    });
  };
}
