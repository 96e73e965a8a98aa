// The renewals in Debian's Chromium, with Flex at its own origin.

import { scenario } from "./browser.mjs";
import { failures, openFlex, serveFlex } from "./flex-page.mjs";
import { REFRESHES } from "./refreshes.mjs";

await scenario(async ({ flex, screenshots, ...job }, _, browser) => {
  const page = await openFlex(browser, await serveFlex(flex), { viewport: { width: 1100, height: 700 } });
  const seen = await page.evaluate(`(${REFRESHES})(${JSON.stringify(job)})`).catch((error) => {
    throw new Error(`${error.message} ${JSON.stringify(failures(page))}`);
  });
  await page.screenshot({ path: `${screenshots}/flex-refreshes-chromium.png` });
  return seen;
});
