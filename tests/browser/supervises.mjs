// A supervisor opens conversations one after the other, plays each recording, and seeks to 90 % and back to 10 %.

import { scenario } from "./browser.mjs";
import { openFlex, serveFlex } from "./flex-page.mjs";
import { choose, notifications, open, play, seek, shown } from "./supervisor.mjs";

await scenario(async ({ flex, conversations, screenshots }, _, browser) => {
  const page = await openFlex(browser, await serveFlex(flex));
  const seen = [];
  for (const { name, token, recordings } of conversations) {
    await open(page, { token, urlProviders: recordings.map(({ urlProvider }) => urlProvider) });
    for (const [at, { lengthS }] of recordings.entries()) {
      if (at > 0) await choose(page, { from: at, to: at + 1 });
      const waveform = await shown(page, lengthS);
      const begins = await page.evaluate(() => document.querySelector("audio").currentTime);
      const start = await play(page);
      const [late, early] = [await seek(page, 0.9), await seek(page, 0.1)];
      await page.screenshot({ path: `${screenshots}/flex-${name}-${at + 1}.png` });
      seen.push({ name, lengthS, waveform, begins, start, late, early, notifications: await notifications(page) });
    }
  }
  return seen;
});
