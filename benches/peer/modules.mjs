// The packages are installed outside the checkout. The harness passes their location.

import { createRequire } from "node:module";

export const load = createRequire(`${process.env.PEER_MODULES}/`);
