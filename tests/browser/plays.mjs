// Plays a recording, seeks to 90 %, back to 10 % and to the end, with the keyboard.

import { PLAIN, card, duration, ends, playsFrom, scenario, seek } from "./browser.mjs";

await scenario(async ({ sid }, open) => {
  const page = await open(PLAIN);
  await card(page, sid).press("Enter");
  const start = await playsFrom(page, 0);
  const lengthS = await duration(page);
  const late = await seek(page, 0.9 * lengthS);
  const early = await seek(page, 0.1 * lengthS);
  const ended = await ends(page);
  return { lengthS, start, late, early, ended, message: await page.getByRole("alert").isVisible() };
});
