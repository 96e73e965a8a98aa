// Plays a link in Debian's Firefox.

import { job, LISTEN } from "./listens.mjs";
import { withFirefox } from "./marionette.mjs";

await withFirefox(job, async (call) => {
  await call("WebDriver:SetTimeouts", { script: 2 * job.boundMs });
  await call("WebDriver:Navigate", { url: job.page });
  const { value } = await call("WebDriver:ExecuteAsyncScript", { script: LISTEN, args: [job.link, job.seeks, job.rate, job.boundMs] });
  console.log(JSON.stringify(value));
});
