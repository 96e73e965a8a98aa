// Plays a recording, seeks to 90 % and back to 10 %, as a listener at the keyboard.

import { card, duration, playsFrom, scenario, seek } from "./browser.mjs";

await scenario(async ({ sid }, open) => {
  const page = await open();
  await card(page, sid).press("Enter");
  const start = await playsFrom(page, 0);
  const lengthS = await duration(page);
  const late = await seek(page, 0.9 * lengthS);
  const early = await seek(page, 0.1 * lengthS);
  return { lengthS, start, late, early, message: await page.getByRole("alert").isVisible() };
});
