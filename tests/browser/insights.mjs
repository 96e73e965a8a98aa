// Plays a recording in the Insights Player on the stack's page, seeks with its waveform, and reads the list of
// requests.

import { card, scenario } from "./browser.mjs";
import { play, seek } from "./supervisor.mjs";
import waveforms from "./waveform.cjs";

await scenario(async ({ sid, screenshots }, open) => {
  const page = await open({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  await page.getByRole("button", { name: "Play" }).waitFor();
  await card(page, sid).click();
  await page.waitForFunction(`(${waveforms.waveform})(document)`);
  const start = await play(page);
  const [late, early] = [await seek(page, 0.9), await seek(page, 0.1)];
  await page.getByRole("button", { name: "Pause" }).click();
  const requests = await page.locator("#traffic").innerText();
  await page.screenshot({ path: `${screenshots}/page-insights.png`, fullPage: true });
  const message = await page.getByRole("alert").isVisible();

  // The page without npm.
  const without = await open();
  await without.route("**/insights-player/**", (route) => route.fulfill({ status: 503, body: "no npm" }));
  await without.reload();
  await without.getByText("is not installed").waitFor();
  await card(without, sid).click();
  await without.waitForFunction(() => document.querySelector("#audio").currentTime > 0.5);
  return { start, late, early, requests, message };
});
