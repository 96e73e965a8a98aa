import type * as Flex from "@twilio/flex-ui";
import { FlexPlugin } from "@twilio/flex-plugin";

import { problems } from "./problems";
import { recordingOptions } from "./recording";
import { readSettings, Settings, SettingsError } from "./settings";

const NAME = "RecordingVaultPlugin";

/** Records the calls that agents accept, with a callback to Recording Vault. */
export default class RecordingVaultPlugin extends FlexPlugin {
  constructor() {
    super(NAME);
  }

  init(flex: typeof Flex, manager: Flex.Manager): void {
    const { ui_attributes: uiAttributes, call_recording_enabled: callRecordingEnabled } = manager.serviceConfiguration;
    const report = reporter(flex, manager);

    let settings: Settings;
    try {
      settings = readSettings(uiAttributes);
    } catch (error) {
      if (!(error instanceof SettingsError)) {
        throw error;
      }
      // Agents must still be able to accept calls.
      const consequence = callRecordingEnabled ? ". Call Recording in the console also records excluded calls" : "";
      report("error", `The plugin records no calls: ${error.message}${consequence}`);
      return;
    }

    // A listener instead of a replaced action, so that other plugins' listeners still run.
    flex.Actions.addListener("beforeAcceptTask", (payload) => {
      const task = payload.task ?? flex.TaskHelper.getTaskByTaskSid(payload.sid);
      if (!task || !flex.TaskHelper.isCallTask(task)) {
        return;
      }
      const options = recordingOptions(settings, task);
      if (options.recordingStatusCallback && payload.conferenceOptions?.recordingStatusCallback) {
        console.warn(`${NAME}: replaces another plugin's recordingStatusCallback; a call has only one`);
      }
      payload.conferenceOptions = { ...payload.conferenceOptions, ...options };
    });

    const workerAttributes = manager.workerClient?.attributes;
    const found = problems(settings, { uiAttributes, workerAttributes, callRecordingEnabled });
    found.forEach((problem) => report("warning", problem));
  }
}

type Report = (type: "error" | "warning", text: string) => void;

/**
 * Reports a problem in the browser's console, and to administrators with a Flex notification. If the notification cannot be
 * shown, calls are recorded anyway.
 */
function reporter(flex: typeof Flex, manager: Flex.Manager): Report {
  return (type, text) => {
    (type === "error" ? console.error : console.warn)(`${NAME}: ${text}`);
    if (!manager.user?.roles?.includes("admin")) {
      return;
    }
    const id = `${NAME}: ${text}`;
    const content = `Recording Vault: ${text}`;
    try {
      flex.Notifications.registerNotification({ id, content, type: flex.NotificationType[type], timeout: 0 });
      flex.Notifications.showNotification(id);
    } catch (error) {
      console.error(`${NAME}: the notification cannot be shown`, error);
    }
  };
}
