// The plugin as Flex loads it: a script that finds `Twilio` on the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const SCRIPT = readFileSync(new URL("../recording-vault.js", import.meta.url), "utf8");
const CALLBACK = "https://api.example.com/recording-status-callback#rc=3&rp=all";
const TASK = { taskSid: "WT00000000000000000000000000000001", sid: "WR00000000000000000000000000000001", call: true };

/** Loads the plugin with a configuration; returns how Flex accepts a task, and what went to the console. */
function load(attributes) {
  const console_ = { warned: [], failed: [] };
  const listeners = [];
  let plugin;
  vm.runInNewContext(SCRIPT, {
    URL,
    console: { warn: (text) => console_.warned.push(text), error: (text) => console_.failed.push(text) },
    Twilio: { Flex: { Plugins: { init: (Plugin) => (plugin = new Plugin()) } } },
  });
  const flex = {
    Actions: {
      addListener: (event, listener) => {
        assert.equal(event, "beforeAcceptTask");
        listeners.push(listener);
      },
    },
    TaskHelper: {
      isCallTask: (task) => task.call,
      getTaskByTaskSid: (sid) => (sid === TASK.sid ? TASK : undefined),
    },
  };
  plugin.init(flex, { serviceConfiguration: { ui_attributes: attributes } });
  const accept = (payload) => {
    listeners.forEach((listener) => listener(payload));
    // Objects of another context have other prototypes.
    return payload.conferenceOptions && { ...payload.conferenceOptions };
  };
  return { accept, console: console_, name: plugin.name, listeners };
}

const settings = (more) => ({ recording_vault: { callback_url: CALLBACK, ...more } });

test("an accepted call is recorded, and its task and reservation are named before the fragment", () => {
  const { accept, console, name } = load(settings());
  assert.equal(name, "RecordingVaultPlugin");
  assert.deepEqual(accept({ task: TASK, conferenceOptions: {} }), {
    record: "true",
    recordingChannels: "mono",
    recordingStatusCallback:
      `https://api.example.com/recording-status-callback?reservationSid=${TASK.sid}&taskSid=${TASK.taskSid}#rc=3&rp=all`,
    recordingStatusCallbackMethod: "POST",
  });
  assert.deepEqual(console, { warned: [], failed: [] });
});

test("every option is text: Twilio's TaskRouter SDK refuses others, and the agent couldn't take the call", () => {
  const options = load(settings()).accept({ task: TASK });
  assert.equal(Object.values(options).length, 4);
  assert.ok(Object.values(options).every((value) => typeof value === "string"));
});

test("both sides are kept apart where that is wanted", () => {
  assert.equal(load(settings({ channels: "dual" })).accept({ task: TASK }).recordingChannels, "dual");
});

test("a query that the callback has already is kept", () => {
  const { accept } = load(settings({ callback_url: "https://api.example.com/callback?site=a%20b#rc=3" }));
  const url = new URL(accept({ task: TASK }).recordingStatusCallback);
  assert.equal(url.searchParams.get("site"), "a b");
  assert.equal(url.searchParams.get("taskSid"), TASK.taskSid);
  assert.equal(url.hash, "#rc=3");
});

test("the parameters are sorted, and sorting them again changes nothing", () => {
  const { accept } = load(settings({ callback_url: "https://api.example.com/callback?zone=1&site=it's+a&a=(b)!*~#rc=3" }));
  const { recordingStatusCallback } = accept({ task: TASK });
  const query = recordingStatusCallback.split("?")[1].split("#")[0];
  const sorted = new URLSearchParams(query);
  sorted.sort();
  assert.deepEqual([...new URLSearchParams(query)], [...sorted]);
  assert.equal(query, `a=(b)!*~&reservationSid=${TASK.sid}&site=it%27s%20a&taskSid=${TASK.taskSid}&zone=1`);
});

test("what Flex and other plugins have set stays", () => {
  const { accept, console } = load(settings());
  const options = accept({ task: TASK, conferenceOptions: { endConferenceOnExit: true, beep: "onEnter" } });
  assert.equal(options.endConferenceOnExit, true);
  assert.equal(options.beep, "onEnter");
  assert.deepEqual(console.warned, []);
});

test("another plugin's callback is replaced, and the console says so", () => {
  const { accept, console } = load(settings());
  const options = accept({ task: TASK, conferenceOptions: { recordingStatusCallback: "https://other.example.com" } });
  assert.ok(options.recordingStatusCallback.startsWith("https://api.example.com/"));
  assert.equal(console.warned.length, 1);
  assert.ok(!console.warned[0].includes("other.example.com"));
});

test("a task that is named by its SID is found, and one that is gone is left alone", () => {
  const { accept } = load(settings());
  assert.equal(accept({ sid: TASK.sid }).record, "true");
  assert.equal(accept({ sid: "WR00000000000000000000000000000002" }), undefined);
});

test("tasks that are no calls are left alone", () => {
  assert.equal(load(settings()).accept({ task: { ...TASK, call: false } }), undefined);
});

for (const [what, attributes] of [
  ["no configuration", undefined],
  ["no settings", {}],
  ["no callback", settings({ callback_url: undefined })],
  ["a callback without TLS", settings({ callback_url: "http://canary.example.com/" })],
  ["a callback that is no URL", settings({ callback_url: "canary" })],
  ["channels that don't exist", settings({ channels: "canary" })],
]) {
  test(`with ${what} calls are accepted, and the console says why nothing is recorded`, () => {
    const { listeners, console } = load(attributes);
    assert.equal(listeners.length, 0);
    assert.match(console.failed[0], /^RecordingVaultPlugin: nothing is recorded: ui_attributes\.recording_vault\./);
    assert.ok(!console.failed[0].includes("canary"));
  });
}
