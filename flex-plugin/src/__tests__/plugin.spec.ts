import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";

import RecordingVaultPlugin from "../RecordingVaultPlugin";

// The plugin's constructor reads a value that only the builder defines.
jest.mock("@twilio/flex-plugin", () => ({ FlexPlugin: class {} }));

const CALLBACK = "https://api.example.com/recording-status-callback#rc=3&rp=all";
const TASK = { taskSid: "WT1", sid: "WR1", queueName: "Support", queueSid: "WQ1", attributes: {}, channelType: "voice" };

/** The options that the plugin's listener sets for a payload, and its warnings. */
function start(flexSettings: object, more: object = {}, notify: () => void = () => undefined) {
  let listener: ((payload: any) => void) | undefined;
  const shown: string[] = [];
  const flex: any = {
    Actions: { addListener: (_: string, added: typeof listener) => (listener = added) },
    NotificationType: { error: "error", warning: "warning" },
    Notifications: {
      registerNotification: notify,
      showNotification: (id: string) => shown.push(id),
    },
    TaskHelper: { isCallTask: (task: any) => task.channelType === "voice", getTaskByTaskSid: () => undefined },
  };
  const manager: any = { serviceConfiguration: flexSettings, user: { roles: ["admin"] }, ...more };
  new RecordingVaultPlugin().init(flex, manager);
  const accept = (payload: any = { task: TASK }) => {
    listener?.(payload);
    return payload.conferenceOptions;
  };
  return { accept, shown };
}

const configuration = (recording_vault: object, more: object = {}, uiAttributes: object = {}) => ({
  ui_attributes: { recording_vault: { callback_url: CALLBACK, ...recording_vault }, ...uiAttributes },
  ...more,
});

const PAUSE = { custom_data: { features: { pause_recording: { enabled: true } } } };

beforeEach(() => {
  jest.spyOn(console, "error").mockImplementation(() => undefined);
  jest.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe("a call is recorded although a warning", () => {
  test("finds a user without roles", () => {
    for (const user of [undefined, null, {}, { roles: null }]) {
      const { accept, shown } = start(configuration({}, {}, PAUSE), { user });
      expect(accept().conferenceRecord).toBe(true);
      expect(shown).toEqual([]);
    }
  });

  test("can't be shown", () => {
    const { accept } = start(configuration({}, {}, PAUSE), {}, () => {
      throw new Error("no notifications");
    });
    expect(accept().conferenceRecord).toBe(true);
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining("pause button"));
  });
});

test("where the settings are wrong and the console records, it's said that exclusions don't count", () => {
  const { accept, shown } = start(configuration({ exclude_queue: ["Support"] }, { call_recording_enabled: true }));
  expect(accept()).toBeUndefined();
  expect(shown).toEqual([expect.stringMatching(/exclude_queue is not a setting.*console.*excluded/)]);
});

test("flex-project-template's dual-channel recording beside ours is a second one", () => {
  const twice = { custom_data: { features: { dual_channel_recording: { enabled: true } } } };
  for (const mode of ["conference", "reservation"]) {
    const { shown } = start(configuration({ mode }, {}, twice));
    expect(shown).toEqual([expect.stringContaining("recorded twice")]);
  }
});

test("ignores a task that is not a call or has no SID", () => {
  const { accept } = start(configuration({}));
  expect(accept({ sid: "WR1" })).toBeUndefined();
  expect(accept({ task: { ...TASK, channelType: "web" } })).toBeUndefined();
});

test("keeps options that others have set", () => {
  const { accept } = start(configuration({}));
  const others = { endConferenceOnExit: true, beep: "onExit" };
  expect(accept({ task: TASK, conferenceOptions: others })).toMatchObject({ ...others, conferenceRecord: true });
});
