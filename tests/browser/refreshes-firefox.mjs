// The renewals in Debian's Firefox, with Flex at an origin that the function's settings allow.

import { writeFileSync } from "node:fs";
import { serveFlex } from "./flex-page.mjs";
import { job } from "./listens.mjs";
import { withFirefox } from "./marionette.mjs";
import { REFRESHES } from "./refreshes.mjs";

const { flex, screenshots, servePort, ...conversations } = job;
const served = await serveFlex(flex, servePort);
const script = `const done = arguments[1]; (${REFRESHES})(arguments[0]).then(done, (error) => done({ error: String(error) }));`;
await withFirefox(job, async (call) => {
  await call("WebDriver:SetTimeouts", { script: 3 * job.boundMs, pageLoad: job.boundMs });
  await call("WebDriver:Navigate", { url: served });
  const { value } = await call("WebDriver:ExecuteAsyncScript", { script, args: [conversations] });
  const { value: png } = await call("WebDriver:TakeScreenshot", { full: false });
  writeFileSync(`${screenshots}/flex-refreshes-firefox.png`, Buffer.from(png, "base64"));
  console.log(JSON.stringify(value));
});
