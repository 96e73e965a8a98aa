import * as FlexPlugin from "@twilio/flex-plugin";

import RecordingVaultPlugin from "./RecordingVaultPlugin";

FlexPlugin.loadPlugin(RecordingVaultPlugin);
