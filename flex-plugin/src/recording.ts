import { Exclusions, property, Settings } from "./settings";

/** The properties of a task that the plugin reads. */
export interface Call {
  taskSid: string;
  /** The reservation's SID, because Flex's tasks are reservations. */
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

/** The options to set in the instruction of a call that an agent accepts. */
export function recordingOptions(settings: Settings, call: Call): RecordingOptions {
  if (isExcluded(settings.exclusions, call)) {
    // Needed if Call Recording is on in the console: Flex UI has set it to true before the plugin runs.
    return { conferenceRecord: false };
  }
  if (settings.mode === "conference") {
    return {
      conferenceRecord: true,
      // The recording belongs to the task. After a transfer, the first reservation would be wrong for the rest of the call.
      conferenceRecordingStatusCallback: callbackFor(settings.callbackUrl, { taskSid: call.taskSid }),
      conferenceRecordingStatusCallbackMethod: "POST",
    };
  }
  return {
    // A string, because TaskRouter's SDK refuses a boolean here, and the agent could not accept the call.
    record: "true",
    recordingChannels: settings.channels,
    recordingStatusCallback: callbackFor(settings.callbackUrl, { reservationSid: call.sid, taskSid: call.taskSid }),
    recordingStatusCallbackMethod: "POST",
  };
}

/**
 * The callback URL of one recording. Its query names the task, so that no search is needed. Twilio itself reads the fragment
 * (`#rc=3&rp=all`), which stays after the query.
 *
 * Twilio signs the query as it is written here, and is reported to send it sorted and with other escapes. The query is
 * therefore sorted, and escaped in a form that the signature check can restore: a space is not a plus sign.
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
    attributes.some(({ key, value }) =>
      // An attribute's name may itself contain a dot.
      [property(call.attributes, key), key.split(".").reduce(property, call.attributes)].some((found) =>
        Array.isArray(found) ? found.includes(value) : found === value,
      ),
    )
  );
}
