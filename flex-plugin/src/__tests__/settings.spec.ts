import { describe, expect, test } from "@jest/globals";

import { readSettings, SettingsError } from "../settings";

const CALLBACK = "https://api.example.com/recording-status-callback#rc=3&rp=all";

const read = (given: object) => readSettings({ recording_vault: { callback_url: CALLBACK, ...given } });

test("the callback is all that must be set", () => {
  expect(read({})).toEqual({
    callbackUrl: new URL(CALLBACK),
    mode: "conference",
    channels: "mono",
    exclusions: { queues: [], attributes: [] },
  });
});

test("everything can be set", () => {
  const settings = read({
    mode: "reservation",
    channels: "dual",
    exclude_queues: ["Support", "WQ00000000000000000000000000000001"],
    exclude_attributes: [{ key: "customer.vip", value: true }],
  });
  expect(settings.mode).toBe("reservation");
  expect(settings.channels).toBe("dual");
  expect(settings.exclusions.queues).toHaveLength(2);
  expect(settings.exclusions.attributes).toEqual([{ key: "customer.vip", value: true }]);
});

describe("a setting that can't be used is named, without its value", () => {
  const error = (uiAttributes: unknown): string => {
    try {
      readSettings(uiAttributes);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(SettingsError);
      return (thrown as SettingsError).message;
    }
    throw new Error("nothing was thrown");
  };

  test.each([undefined, null, {}, "canary"])("no settings in %p", (uiAttributes) => {
    expect(error(uiAttributes)).toBe("ui_attributes.recording_vault is missing");
  });

  test.each([
    ["callback_url", undefined],
    ["callback_url", "canary"],
    ["callback_url", "http://canary.example.com/"],
    ["callback_url", { canary: 1 }],
    ["mode", "canary"],
    ["mode", 1],
    ["channels", "canary"],
    ["exclude_queues", "canary"],
    ["exclude_queues", ["canary", 1]],
    ["exclude_queues", ["canary", ""]],
    ["exclude_attributes", { key: "canary", value: 1 }],
    ["exclude_attributes", ["canary"]],
    ["exclude_attributes", [{ key: "canary" }]],
    ["exclude_attributes", [{ key: "", value: "canary" }]],
  ])("%s: %p", (name, value) => {
    const message = error({ recording_vault: { callback_url: CALLBACK, [name]: value } });
    expect(message).toMatch(new RegExp(`^ui_attributes\\.recording_vault\\.${name} is n`));
    expect(message).not.toContain("canary");
  });
});
