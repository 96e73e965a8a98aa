import type * as Flex from "@twilio/flex-ui";
import { FlexPlugin } from "@twilio/flex-plugin";

import { problems } from "./problems";
import { recordingOptions } from "./recording";
import { readSettings, Settings, SettingsError } from "./settings";

const NAME = "RecordingVaultPlugin";

/** Has the calls that agents accept recorded, and Twilio tell Recording Vault of it. */
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
      // Agents must be able to take calls all the same.
      const goesOn = callRecordingEnabled ? ". Call Recording in the console goes on, for excluded calls too" : "";
      report("error", `The plugin has no calls recorded: ${error.message}${goesOn}`);
      return;
    }

    // A listener, not a replaced action: other plugins have theirs beside it.
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
 * Says what an administrator should know: in the browser's console, and to administrators by Flex's own notification. That
 * a notification can't be shown is no reason for calls not to be recorded.
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
      console.error(`${NAME}: the notification can't be shown`, error);
    }
  };
}
