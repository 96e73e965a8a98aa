/**
 * Flex UI 2.x plugin: has accepted calls recorded, and Twilio tell Recording Vault of it.
 *
 * A script as Flex loads it: no build, no dependency. Settings come from Flex's configuration, so that one file serves
 * every deployment:
 *
 *     ui_attributes: { recording_vault: { callback_url: "https://…/recording-status-callback#rc=3&rp=all",
 *                                         channels: "dual" } }
 */
(() => {
  "use strict";

  const NAME = "RecordingVaultPlugin";

  /** `mono` mixes both sides; `dual` keeps the agent and the others apart. */
  const CHANNELS = ["mono", "dual"];

  /**
   * The settings in Flex's configuration, checked.
   *
   * @param {object|undefined} attributes `ui_attributes` of the Flex configuration
   * @returns {{callbackUrl: URL, channels: string}}
   * @throws {Error} that says which setting is wrong, without its value
   */
  function readSettings(attributes) {
    const { callback_url: callback, channels = "mono" } = attributes?.recording_vault ?? {};
    const callbackUrl = URL.canParse(callback) ? new URL(callback) : undefined;
    if (callbackUrl?.protocol !== "https:") {
      throw new Error("ui_attributes.recording_vault.callback_url is not an https URL");
    }
    if (!CHANNELS.includes(channels)) {
      throw new Error("ui_attributes.recording_vault.channels is neither mono nor dual");
    }
    return { callbackUrl, channels };
  }

  /**
   * The callback of one reservation. Named in the query, the task needs no search, and each segment of a transferred call
   * keeps its own recording. Twilio reads the fragment (`#rc=3&rp=all`) itself; it stays behind the query.
   *
   * Twilio signs the query as it's written here, and is reported to send it sorted and escaped otherwise. So it's sorted, and
   * escaped as the check of the signature can restore it: a space isn't a plus sign.
   */
  function callbackFor(callbackUrl, task) {
    const url = new URL(callbackUrl);
    url.searchParams.set("taskSid", task.taskSid);
    url.searchParams.set("reservationSid", task.sid);
    url.searchParams.sort();
    url.search = [...url.searchParams].map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
    return url.href;
  }

  /** What a reservation's conference instruction is given. All of it is text: the TaskRouter SDK (2.1) refuses a boolean `record`. */
  function recordingOptions(settings, task) {
    return {
      record: "true",
      recordingChannels: settings.channels,
      recordingStatusCallback: callbackFor(settings.callbackUrl, task),
      recordingStatusCallbackMethod: "POST",
    };
  }

  class RecordingVaultPlugin {
    name = NAME;

    init(flex, manager) {
      let settings;
      try {
        settings = readSettings(manager.serviceConfiguration?.ui_attributes);
      } catch (error) {
        // Agents must be able to take calls all the same; the missing recordings are the supervisor's to notice.
        console.error(`${NAME}: nothing is recorded: ${error.message}`);
        return;
      }

      // A listener, not a replaced action: other plugins have theirs beside it.
      flex.Actions.addListener("beforeAcceptTask", (payload) => {
        const task = payload.task ?? flex.TaskHelper.getTaskByTaskSid(payload.sid);
        if (!task || !flex.TaskHelper.isCallTask(task)) {
          return;
        }
        const others = payload.conferenceOptions?.recordingStatusCallback;
        if (others) {
          console.warn(`${NAME}: replaces another plugin's recordingStatusCallback; a call has only one`);
        }
        payload.conferenceOptions = { ...payload.conferenceOptions, ...recordingOptions(settings, task) };
      });
    }
  }

  Twilio.Flex.Plugins.init(RecordingVaultPlugin);
})();
