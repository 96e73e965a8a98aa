// How long a recording's waveform takes in Flex UI's own player, and how much memory its tab takes for it:
//
//   node tests/browser/measures-waveform.mjs "$(cargo run -q -p toolbox --bin flex_job)" URL_PROVIDER FLEX_TOKEN
//
// URL_PROVIDER is `https://…/media-url?recordingSid=RE…`, of the local stack or of a real one.

import { readFileSync } from "node:fs";
import { scenario } from "./browser.mjs";
import { openFlex, serveFlex } from "./flex-page.mjs";
import { told } from "./supervisor.mjs";

const [, , , urlProvider, token] = process.argv;

await scenario(async ({ flex }, _, browser) => {
  const page = await openFlex(browser, await serveFlex(flex));
  const before = await memory(browser);
  const began = performance.now();
  await page.evaluate(async (conversation) => {
    await window.flex.openConversation(conversation);
  }, { token, urlProviders: [urlProvider] });
  const drawn = await page.waitForFunction(
    () => (window.flex.waveform(document) ? "drawn" : window.flex.told[0]),
    null,
    { timeout: 0, polling: 100 },
  );
  return {
    waveform: await drawn.jsonValue(),
    seconds: (performance.now() - began) / 1000,
    durationS: await page.evaluate(() => document.querySelector("audio").duration),
    megabytesBefore: before.now,
    megabytesAfter: (await memory(browser)).now,
    megabytesAtMost: (await memory(browser)).most,
    told: await told(page),
  };
});

/** Resident memory of the tab's process, now and at most, in megabytes. */
async function memory(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  const tabs = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    const megabytes = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))[1]) / 1000;
    return { now: megabytes("VmRSS"), most: megabytes("VmHWM") };
  });
  return tabs.reduce((one, other) => (one.most > other.most ? one : other));
}
