/** The plugin's settings in Flex's configuration, `ui_attributes.recording_vault`. */
export interface Settings {
  /** Recording Vault's callback URL, with the fragment that makes Twilio retry. */
  callbackUrl: URL;
  mode: Mode;
  /** Mode `reservation`: whether the agent and the others are on separate channels. */
  channels: Channels;
  exclusions: Exclusions;
}

/**
 * The part of a call that is recorded.
 *
 * `conference`: the whole call, once. Twilio's API can pause the recording by the conference's SID, and so can the pause
 * buttons that use this API.
 *
 * `reservation`: each agent's part, on the agent's own leg. Pause buttons do not find such recordings.
 */
export type Mode = "conference" | "reservation";

export type Channels = "mono" | "dual";

/** Which calls are not recorded. */
export interface Exclusions {
  /** Names or SIDs of queues. */
  queues: string[];
  /** Attributes of the task. A dot selects a member of an object, and a list matches if any of its elements does. */
  attributes: Attribute[];
}

export interface Attribute {
  key: string;
  value: string | number | boolean | null;
}

/** A setting is not valid. The message names it, and never contains its value. */
export class SettingsError extends Error {}

const ROOT = "ui_attributes.recording_vault";

const NAMES = ["callback_url", "mode", "channels", "exclude_queues", "exclude_attributes"];

/**
 * Reads the settings.
 *
 * @param uiAttributes `ui_attributes` of Flex's configuration
 * @throws {SettingsError}
 */
export function readSettings(uiAttributes: unknown): Settings {
  const given = property(uiAttributes, "recording_vault");
  if (given === undefined) {
    throw new SettingsError(`${ROOT} is missing`);
  }
  // With a misspelled exclusion, calls would be recorded that must not be.
  const unknown = Object.keys(Object(given)).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new SettingsError(`${ROOT}.${unknown} is not a setting`);
  }
  return {
    callbackUrl: httpsUrl(given, "callback_url"),
    mode: oneOf(given, "mode", ["conference", "reservation"]),
    channels: oneOf(given, "channels", ["mono", "dual"]),
    exclusions: {
      queues: listOf(given, "exclude_queues", isText),
      attributes: listOf(given, "exclude_attributes", isAttribute),
    },
  };
}

function httpsUrl(given: unknown, name: string): URL {
  const text = property(given, name);
  try {
    const url = new URL(typeof text === "string" ? text : "");
    if (url.protocol === "https:") {
      return url;
    }
  } catch {
    // Reported below, together with other URLs that are not https.
  }
  throw new SettingsError(`${ROOT}.${name} is not an https URL`);
}

/** One of these words. The first is the default. */
function oneOf<Word extends string>(given: unknown, name: string, words: [Word, Word]): Word {
  const value = property(given, name) ?? words[0];
  const word = words.find((known) => known === value);
  if (word === undefined) {
    throw new SettingsError(`${ROOT}.${name} is neither ${words.join(" nor ")}`);
  }
  return word;
}

function listOf<Element>(given: unknown, name: string, fits: (element: unknown) => element is Element): Element[] {
  const list = property(given, name) ?? [];
  if (!Array.isArray(list) || !list.every(fits)) {
    throw new SettingsError(`${ROOT}.${name} is not a list of ${fits === isText ? "names" : "keys with plain values"}`);
  }
  return list;
}

/** A name. With a space at either end, it would never match, and the call would be recorded. */
function isText(element: unknown): element is string {
  return typeof element === "string" && element !== "" && element.trim() === element;
}

/** A key with a plain value. Objects and lists are never equal to another value, so that they would exclude nothing. */
function isAttribute(element: unknown): element is Attribute {
  const value = property(element, "value");
  return isText(property(element, "key")) && (value === null || ["string", "number", "boolean"].includes(typeof value));
}

/** A property of an unknown value. */
export function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}
