// Twilio's own flex-sdk, as published, in a program without Flex UI. Other user interfaces are built on it.

const { createRequire } = require("node:module");

const { serve } = require("./twilio.cjs");
const { open } = require("./window.cjs");

/** Accepts the waiting task. Returns the requests to TaskRouter. */
async function accept(modules, job) {
  const require_ = createRequire(`${modules}/`);
  open(require_("jsdom"), { warned: [], failed: [] });
  const twilio = await serve({ ...job, WebSocketServer: require_("ws").WebSocketServer });
  const { createClient } = require_("@twilio/flex-sdk");
  const { AcceptTask } = require_("@twilio/flex-sdk/actions/Task");
  const options = { taskRouterOptions: { workerOptions: twilio.worker }, logger: { level: "error" } };
  const client = await createClient("token", options);
  await client.execute(new AcceptTask(job.task.sid));
  return { posted: twilio.posted };
}

module.exports = { accept };
