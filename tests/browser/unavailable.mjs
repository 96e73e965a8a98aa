// The messages that a supervisor sees if a recording does not play.

import { scenario } from "./browser.mjs";
import { openFlex, serveFlex } from "./flex-page.mjs";
import { notifications, open, play, seekTo, shown } from "./supervisor.mjs";

await scenario(async ({ flex, conversations, erasedLater, screenshots }, _, browser) => {
  const served = await serveFlex(flex);
  const tabs = new Map();
  const seen = {};
  let page;

  const look = async (name) => {
    // Flex shows an error in the Player's place or in its notification bar.
    await page.waitForFunction(() => window.flex.notifications.length > 0 || document.querySelector("main").innerText);
    await page.screenshot({ path: `${screenshots}/flex-${name}.png` });
    seen[name] = { inPlace: await page.locator("main").innerText(), notifications: await notifications(page) };
  };

  for (const { name, origin, token = "", link, times = Infinity, urlProviders } of conversations) {
    if (!tabs.has(origin)) tabs.set(origin, await openFlex(browser, served, { origin }));
    page = tabs.get(origin);
    await open(page, { token, urlProviders: urlProviders ?? [`${served}/gives?link=${encodeURIComponent(link)}&times=${times}`] });
    await look(name);
    if (link) {
      seen[name].plays = await page.evaluate(() => {
        const audio = document.querySelector("audio");
        return audio !== null && audio.play().then(() => true, () => false);
      });
    }
  }

  // The supervisor has already opened the recording.
  page = tabs.get("https://flex.twilio.com");
  const { urlProvider, token, operator, event, lengthS } = erasedLater;
  await open(page, { token, urlProviders: [urlProvider] });
  await shown(page, lengthS);
  await play(page);
  await fetch(operator, { method: "POST", body: JSON.stringify(event) });
  await seekTo(page, 0.9);
  await look("erasedLater");
  return seen;
});
