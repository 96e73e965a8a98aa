// The packages are installed outside the checkout; the harness says where.

import { createRequire } from "node:module";

export const load = createRequire(`${process.env.PEER_MODULES}/`);
