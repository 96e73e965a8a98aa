/** What the plugin is told in Flex's configuration, `ui_attributes.recording_vault`. */
export interface Settings {
  /** Recording Vault's callback, with the fragment by which Twilio retries. */
  callbackUrl: URL;
  mode: Mode;
  /** Mode `reservation`: whether the agent and the others are kept apart. */
  channels: Channels;
  exclusions: Exclusions;
}

/**
 * What is recorded.
 *
 * `conference`: the call, once, by whatever starts it. Twilio's API pauses it by the conference's SID, and so do the
 * pause buttons that are built on it.
 *
 * `reservation`: each agent's part, by the agent's own leg. Pause buttons don't find such recordings.
 */
export type Mode = "conference" | "reservation";

export type Channels = "mono" | "dual";

/** Which calls are not recorded. */
export interface Exclusions {
  /** Names or SIDs of queues. */
  queues: string[];
  /** Attributes of the task; a dot leads into an object, and a list matches by any of its elements. */
  attributes: Array<{ key: string; value: unknown }>;
}

/** A setting that can't be used. The message names it, and never has its value. */
export class SettingsError extends Error {}

const ROOT = "ui_attributes.recording_vault";

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
    const url = new URL(String(text));
    if (url.protocol === "https:") {
      return url;
    }
  } catch {
    // Said below, for everything that is no such URL.
  }
  throw new SettingsError(`${ROOT}.${name} is not an https URL`);
}

/** One of these words; the first if nothing is given. */
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
    throw new SettingsError(`${ROOT}.${name} is not a list of ${fits === isText ? "names" : "keys with values"}`);
  }
  return list;
}

function isText(element: unknown): element is string {
  return typeof element === "string" && element !== "";
}

function isAttribute(element: unknown): element is { key: string; value: unknown } {
  return isText(property(element, "key")) && property(element, "value") !== undefined;
}

/** A property of something that may be anything. */
export function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}
