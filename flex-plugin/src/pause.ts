import { property, Settings } from "./settings";

/** What an agent's pause button would get wrong, for the administrator; nothing if it finds the recordings. */
export function pauseProblem(settings: Settings, flex: FlexSettings): string | undefined {
  if (!hasPauseFeature(flex)) {
    return undefined;
  }
  if (settings.mode === "reservation") {
    return "The pause button does not pause these recordings (mode reservation): they go on while agents believe otherwise";
  }
  if (!flex.callRecordingEnabled) {
    return "The pause button finds these recordings only while Call Recording is on in the console (Flex, Manage, Voice)";
  }
  return undefined;
}

/** What Flex and the worker are configured to. */
export interface FlexSettings {
  uiAttributes: unknown;
  workerAttributes: unknown;
  /** "Call Recording" in the console. */
  callRecordingEnabled: boolean;
}

/**
 * Whether flex-project-template's feature `pause-recording` is on, for all or for this worker. It looks for the recording
 * of the conference, and only while Call Recording is on in the console; otherwise it tells the agent that the call isn't
 * recorded (`pauseRecordingHelper.ts`, https://github.com/twilio-professional-services/flex-project-template).
 */
function hasPauseFeature({ uiAttributes, workerAttributes }: FlexSettings): boolean {
  const features = [property(uiAttributes, "custom_data"), property(workerAttributes, "config_overrides")];
  return features.some(
    (settings) => property(property(property(settings, "features"), "pause_recording"), "enabled") === true,
  );
}
