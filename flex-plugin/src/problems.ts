import { property, Settings } from "./settings";

/** Warnings for administrators about settings that are valid but have unwanted effects. */
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

/** Warnings about recordings that an agent's pause button would miss; empty if it finds them. */
function pauseProblems(settings: Settings, flex: FlexSettings): string[] {
  if (settings.mode === "reservation") {
    return ["The pause button does not pause these recordings (mode reservation): they continue although agents see them as paused"];
  }
  if (!flex.callRecordingEnabled) {
    return ["The pause button finds these recordings only while Call Recording is on in the console (Flex, Manage, Voice)"];
  }
  return [];
}

/** The configuration of Flex and of the worker. */
export interface FlexSettings {
  uiAttributes: unknown;
  workerAttributes: unknown;
  /** "Call Recording" in the console. */
  callRecordingEnabled: boolean;
}

/**
 * Whether a feature of flex-project-template is on, for all workers or for this one. Its `pause_recording` looks for the
 * conference's recording, and only while Call Recording is on in the console. Otherwise it shows the agent that the call is
 * not recorded (`pauseRecordingHelper.ts`, https://github.com/twilio-professional-services/flex-project-template).
 */
function isOn(feature: string, { uiAttributes, workerAttributes }: FlexSettings): boolean {
  const features = [property(uiAttributes, "custom_data"), property(workerAttributes, "config_overrides")];
  return features.some(
    (settings) => property(property(property(settings, "features"), feature), "enabled") === true,
  );
}
