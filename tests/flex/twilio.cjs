// Twilio as Flex UI and flex-sdk use it: two endpoints of the Flex API, and TaskRouter. TaskRouter receives every
// request in an envelope and sends events over a socket. Its server also serves the plugin service's files.

const http = require("node:http");

const WORKER = "WK00000000000000000000000000000001";
const ACTIVITY = "WA00000000000000000000000000000001";
const CHANNEL = "TC00000000000000000000000000000001";

/** The expiry of the agent's token. */
const EVER = "2099-01-01T00:00:00Z";

/** TaskRouter's data: a worker with a reservation. `task` is `{sid, attributes, queueSid, queueName}`. */
function resources({ accountSid, workspaceSid, task, reservationSid, workerAttributes }) {
  const common = {
    account_sid: accountSid,
    workspace_sid: workspaceSid,
    date_created: 1700000000,
    date_updated: 1700000000,
    version: "1",
  };
  const reservation = {
    ...common,
    sid: reservationSid,
    reservation_status: "pending",
    reservation_timeout: 120,
    worker_sid: WORKER,
    task: {
      ...common,
      sid: task.sid,
      attributes: JSON.stringify(task.attributes),
      queue_sid: task.queueSid,
      queue_name: task.queueName,
      assignment_status: "reserved",
      task_channel_sid: CHANNEL,
      task_channel_unique_name: "voice",
      workflow_sid: "WW00000000000000000000000000000001",
      workflow_name: "Workflow",
      addons: "{}",
      age: 1,
      priority: 0,
      reason: null,
      routing_target: null,
      timeout: 86400,
      virtual_start_time: null,
    },
  };
  const activity = { ...common, sid: ACTIVITY, friendly_name: "Available", available: true };
  const worker = {
    ...common,
    sid: WORKER,
    friendly_name: "agent",
    activity_name: "Available",
    activity_sid: ACTIVITY,
    attributes: JSON.stringify({ contact_uri: "client:agent", ...workerAttributes }),
    available: true,
    date_status_changed: 1700000000,
  };
  return { worker, reservation, Reservations: [reservation], Activities: [activity] };
}

/**
 * Serves one worker. `configuration` is the answer of Flex's Configuration API. `files` returns the plugin service's
 * files by path and port. `posted` collects each request to TaskRouter that changes something, as the SDK sends it.
 */
async function serve({ WebSocketServer, configuration, roles, files, ...job }) {
  const accountSid = configuration.account_sid;
  const workspaceSid = configuration.taskrouter_workspace_sid;
  const has = resources({ accountSid, workspaceSid, ...job });
  const posted = [];

  const answer = ({ url, method, params }) => {
    if (method !== "GET") {
      posted.push({ url, method, params });
      return has.reservation;
    }
    return url.endsWith(WORKER) ? has.worker : { contents: has[url.split("/").pop()] ?? [] };
  };

  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) {
      body += chunk;
    }
    response.setHeader("Access-Control-Allow-Origin", request.headers.origin ?? "*");
    response.setHeader("Access-Control-Allow-Credentials", "true");
    response.setHeader("Access-Control-Allow-Headers", request.headers["access-control-request-headers"] ?? "");
    const [path] = request.url.split("?");
    const file = request.method === "GET" ? files?.(path, server.address().port) : undefined;
    response.setHeader("Content-Type", path.endsWith(".js") ? "text/javascript" : "application/json");
    response.end(file ?? (body && JSON.stringify({ payload: answer(JSON.parse(body)) })));
  });
  new WebSocketServer({ server }).on("connection", (socket) => {
    const send = (event_type, payload) => socket.send(JSON.stringify({ event_type, payload }));
    send("connected", {});
    const ids = { channel_id: WORKER, account_sid: accountSid, workspace_sid: workspaceSid };
    send("init", { ...ids, token_lifetime: 3600 });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

  const token = { valid: true, roles, identity: "agent", worker_sid: WORKER, account_sid: accountSid, expiration: EVER };
  globalThis.fetch = async (url) => {
    const { host, pathname } = new URL(url);
    const flexApi = { "/v1/Configuration": configuration, [`/v1/Accounts/${accountSid}/Tokens/Info`]: token };
    // Other requests are not essential: countries, flags, telemetry.
    const decoration = pathname.endsWith(".json") ? [] : {};
    return Response.json((host === "flex-api.twilio.com" && flexApi[pathname]) || decoration);
  };
  const host = `127.0.0.1:${server.address().port}`;
  return { pluginService: `http://${host}/plugins`, worker: { ebServer: `http://${host}/`, wsServer: `ws://${host}` }, posted };
}

module.exports = { EVER, serve };
