// Opens a recording's link as a page, as a person does who got it by mail: plays, seeks and ends. A link to a file is
// saved. An expired one shows its error.

import { readFile } from "node:fs/promises";

import { BOUND_MS, scenario } from "./browser.mjs";

await scenario(async ({ playing, saving, expired }, _, browser) => {
  const context = await browser.newContext();
  context.setDefaultTimeout(BOUND_MS);
  const page = await context.newPage();
  await page.goto(playing);
  // The browser makes the page and its element.
  await page.waitForFunction(() => document.querySelector("video, audio")?.duration > 0);
  const lengthS = await page.evaluate(() => document.querySelector("video, audio").duration);
  const late = await playsFrom(page, 0.9 * lengthS);
  const early = await playsFrom(page, 0.1 * lengthS);
  const ended = await ends(page, lengthS);

  const download = page.waitForEvent("download");
  // Chromium ends the navigation when the download begins.
  await page.goto(saving).catch(() => {});
  const saved = await download;
  const file = await readFile(await saved.path());

  await page.goto(expired);
  const error = await page.locator("body").innerText();
  return { lengthS, late, early, ended, savedAs: saved.suggestedFilename(), savedBytes: file.length, expired: error };
});

/** Seeks, waits until half a second from there has played, and returns the position. */
async function playsFrom(page, toS) {
  await page.evaluate((to) => {
    const element = document.querySelector("video, audio");
    element.currentTime = to;
    return element.play();
  }, toS);
  const went = await page.waitForFunction((from) => {
    const { currentTime, paused, error } = document.querySelector("video, audio");
    if (error) throw new Error(error.message);
    return !paused && currentTime >= from + 0.5 && currentTime;
  }, toS);
  return went.jsonValue();
}

/** Seeks to two seconds before the end, waits for the end, and returns its position. */
async function ends(page, lengthS) {
  await page.evaluate((to) => (document.querySelector("video, audio").currentTime = to), lengthS - 2);
  const ended = await page.waitForFunction(() => {
    const { currentTime, ended } = document.querySelector("video, audio");
    return ended && currentTime;
  });
  return ended.jsonValue();
}
