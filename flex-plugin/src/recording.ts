import { Exclusions, property, Settings } from "./settings";

/** What the plugin reads of a task. */
export interface Call {
  taskSid: string;
  /** The reservation's SID: Flex's tasks are reservations. */
  sid: string;
  queueName: string;
  queueSid: string;
  attributes: unknown;
}

/** The part of TaskRouter's conference instruction that is about recordings, in the SDK's names. */
export interface RecordingOptions {
  record?: string;
  recordingChannels?: string;
  recordingStatusCallback?: string;
  recordingStatusCallbackMethod?: string;
  conferenceRecord?: boolean | string;
  conferenceRecordingStatusCallback?: string;
  conferenceRecordingStatusCallbackMethod?: string;
}

/** What is set in the instruction of a call that an agent accepts. */
export function recordingOptions(settings: Settings, call: Call): RecordingOptions {
  if (isExcluded(settings.exclusions, call)) {
    // Also where Call Recording is on in the console: Flex UI has set it to true before the plugin is asked.
    return { conferenceRecord: false };
  }
  if (settings.mode === "conference") {
    return {
      conferenceRecord: true,
      // The call is the task's: after a transfer, the first reservation would be the wrong name for the rest of it.
      conferenceRecordingStatusCallback: callbackFor(settings.callbackUrl, { taskSid: call.taskSid }),
      conferenceRecordingStatusCallbackMethod: "POST",
    };
  }
  return {
    // Text: TaskRouter's SDK refuses a boolean here, and the agent couldn't take the call.
    record: "true",
    recordingChannels: settings.channels,
    recordingStatusCallback: callbackFor(settings.callbackUrl, { reservationSid: call.sid, taskSid: call.taskSid }),
    recordingStatusCallbackMethod: "POST",
  };
}

/**
 * The callback of one recording. Named in the query, the task needs no search. Twilio reads the fragment (`#rc=3&rp=all`)
 * itself; it stays behind the query.
 *
 * Twilio signs the query as it's written here, and is reported to send it sorted and escaped otherwise. So it's sorted, and
 * escaped as the check of the signature can restore it: a space isn't a plus sign.
 */
function callbackFor(callbackUrl: URL, names: Record<string, string>): string {
  const url = new URL(callbackUrl.href);
  Object.keys(names).forEach((name) => url.searchParams.set(name, names[name]));
  url.searchParams.sort();
  const pairs: string[] = [];
  url.searchParams.forEach((value, name) => pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`));
  url.search = pairs.join("&");
  return url.href;
}

function isExcluded({ queues, attributes }: Exclusions, call: Call): boolean {
  return (
    queues.some((queue) => queue === call.queueName || queue === call.queueSid) ||
    attributes.some(({ key, value }) => {
      const found = key.split(".").reduce(property, call.attributes);
      return Array.isArray(found) ? found.includes(value) : found === value;
    })
  );
}
