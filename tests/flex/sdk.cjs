// Twilio's own flex-sdk, as published, in a program of one's own: what other user interfaces than Flex UI are built on.

const { createRequire } = require("node:module");

const { serve } = require("./twilio.cjs");
const { open } = require("./window.cjs");

/** Accepts the task that waits. Answered is what TaskRouter was sent. */
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
