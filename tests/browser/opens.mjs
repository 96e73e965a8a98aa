// A supervisor opens the same conversation several times, and plays its recording from the given positions.

import { scenario } from "./browser.mjs";
import { openFlex, serveFlex } from "./flex-page.mjs";
import { open, play, shown } from "./supervisor.mjs";

await scenario(async ({ flex, conversation, lengthS, openings }, _, browser) => {
  const page = await openFlex(browser, await serveFlex(flex));
  const links = [];
  for (const places of openings) {
    await open(page, conversation);
    await shown(page, lengthS);
    // The element has read as much as it does without playback.
    const isIdle = ({ networkState }) => networkState === HTMLMediaElement.NETWORK_IDLE;
    await page.waitForFunction(`(${isIdle})(document.querySelector("audio"))`);
    for (const place of places) {
      await play(page, place);
      await page.waitForFunction(readsAhead);
    }
    links.push(await page.evaluate(() => document.querySelector("audio").src));
  }
  return links;
});

/**
 * Whether more than half a minute after the current position is buffered, or all of the rest. This is more than without
 * playback.
 */
function readsAhead() {
  const { buffered, currentTime, duration } = document.querySelector("audio");
  return buffered.length > 0 && buffered.end(buffered.length - 1) >= Math.min(currentTime + 35, duration - 0.1);
}
