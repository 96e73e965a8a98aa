import { property, Settings } from "./settings";

/** What an administrator should know of settings that can be used. */
export function problems(settings: Settings, flex: FlexSettings): string[] {
  const { mode } = settings;
  return [
    ...(isOn("pause_recording", flex) ? pauseProblems(settings, flex) : []),
    ...(mode === "reservation" && flex.callRecordingEnabled
      ? ["Calls are recorded twice: Call Recording is on in the console, and mode reservation records too"]
      : []),
    ...(isOn("dual_channel_recording", flex)
      ? ["Calls are recorded twice: flex-project-template's feature dual_channel_recording records too"]
      : []),
  ];
}

/** What an agent's pause button would get wrong; nothing if it finds the recordings. */
function pauseProblems(settings: Settings, flex: FlexSettings): string[] {
  if (settings.mode === "reservation") {
    return ["The pause button does not pause these recordings (mode reservation): they go on while agents believe otherwise"];
  }
  if (!flex.callRecordingEnabled) {
    return ["The pause button finds these recordings only while Call Recording is on in the console (Flex, Manage, Voice)"];
  }
  return [];
}

/** What Flex and the worker are configured to. */
export interface FlexSettings {
  uiAttributes: unknown;
  workerAttributes: unknown;
  /** "Call Recording" in the console. */
  callRecordingEnabled: boolean;
}

/**
 * Whether a feature of flex-project-template's is on, for all or for this worker. Its `pause_recording` looks for the
 * recording of the conference, and only while Call Recording is on in the console; otherwise it tells the agent that the
 * call isn't recorded (`pauseRecordingHelper.ts`, https://github.com/twilio-professional-services/flex-project-template).
 */
function isOn(feature: string, { uiAttributes, workerAttributes }: FlexSettings): boolean {
  const features = [property(uiAttributes, "custom_data"), property(workerAttributes, "config_overrides")];
  return features.some(
    (settings) => property(property(property(settings, "features"), feature), "enabled") === true,
  );
}
