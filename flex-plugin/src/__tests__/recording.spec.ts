import { describe, expect, test } from "@jest/globals";

import { Call, recordingOptions } from "../recording";
import { readSettings } from "../settings";

const CALL: Call = {
  taskSid: "WT00000000000000000000000000000001",
  sid: "WR00000000000000000000000000000001",
  queueName: "Support",
  queueSid: "WQ00000000000000000000000000000001",
  attributes: { direction: "inbound", tags: ["urgent", "private"], customer: { vip: true, level: null } },
};

const options = (given: object, call = CALL) =>
  recordingOptions(
    readSettings({ recording_vault: { callback_url: "https://api.example.com/callback#rc=3&rp=all", ...given } }),
    call,
  );

test("mode conference records the call, and names its task", () => {
  expect(options({})).toEqual({
    conferenceRecord: true,
    conferenceRecordingStatusCallback: `https://api.example.com/callback?taskSid=${CALL.taskSid}#rc=3&rp=all`,
    conferenceRecordingStatusCallbackMethod: "POST",
  });
});

test("mode reservation records the agent's leg, and names the reservation too", () => {
  expect(options({ mode: "reservation", channels: "dual" })).toEqual({
    record: "true",
    recordingChannels: "dual",
    recordingStatusCallback: `https://api.example.com/callback?reservationSid=${CALL.sid}&taskSid=${CALL.taskSid}#rc=3&rp=all`,
    recordingStatusCallbackMethod: "POST",
  });
});

test("a query that the callback has already is kept, sorted, and escaped as the signature's check can restore it", () => {
  const given = { callback_url: "https://api.example.com/callback?zone=1&site=it's+a&a=(b)!*~#rc=3", mode: "reservation" };
  const callback = options(given).recordingStatusCallback ?? "";
  const query = callback.split("?")[1].split("#")[0];
  expect(query).toBe(`a=(b)!*~&reservationSid=${CALL.sid}&site=it%27s%20a&taskSid=${CALL.taskSid}&zone=1`);
});

describe("exclusions", () => {
  const excluded = { conferenceRecord: false };

  test.each(["Support", CALL.queueSid])("by the queue %s", (queue) => {
    expect(options({ exclude_queues: ["Other", queue] })).toEqual(excluded);
    expect(options({ exclude_queues: [queue], mode: "reservation" })).toEqual(excluded);
  });

  test.each([
    ["direction", "inbound"],
    ["customer.vip", true],
    ["tags", "private"],
  ])("by the attribute %s", (key, value) => {
    const other = { key: "other", value: 1 };
    expect(options({ exclude_attributes: [other, { key, value }] })).toEqual(excluded);
  });

  test.each([
    ["direction", "outbound"],
    ["customer.vip", "true"],
    ["customer.vip.deep", true],
    ["customer.level.deep", "x"],
    ["tags", "urgent,private"],
    ["missing.entirely", "x"],
  ])("other values of %s exclude nothing", (key, value) => {
    expect(options({ exclude_attributes: [{ key, value }] }).conferenceRecord).toBe(true);
  });

  test("a task without attributes is recorded", () => {
    const call = { ...CALL, attributes: undefined };
    expect(options({ exclude_attributes: [{ key: "a.b", value: 1 }] }, call).conferenceRecord).toBe(true);
  });
});
