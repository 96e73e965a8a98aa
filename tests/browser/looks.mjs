// The appearance of the page, narrow and wide, light and dark: screenshots, and properties that can be measured.

import { card, scenario } from "./browser.mjs";
import { play, seek } from "./supervisor.mjs";
import waveforms from "./waveform.cjs";

const VIEWPORTS = { narrow: { width: 360, height: 780 }, wide: { width: 1280, height: 900 } };

await scenario(async ({ sid, screenshots }, open) => {
  const seen = [];
  for (const [width, viewport] of Object.entries(VIEWPORTS)) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open({ viewport, colorScheme, reducedMotion: "reduce" });
      await card(page, sid).waitFor();
      await page.getByRole("button", { name: "Play" }).waitFor();
      await page.screenshot({ path: `${screenshots}/${width}-${colorScheme}.png`, fullPage: true });
      await card(page, sid).click();
      await page.waitForFunction(`(${waveforms.waveform})(document)`);
      await play(page);
      await seek(page, 0.7);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.screenshot({ path: `${screenshots}/${width}-${colorScheme}-playing.png`, fullPage: true });
      await page.getByRole("combobox").selectOption({ index: 1 });
      await page.getByRole("alert").waitFor();
      await page.screenshot({ path: `${screenshots}/${width}-${colorScheme}-refused.png`, fullPage: true });
      seen.push({
        page: `${width} ${colorScheme}`,
        overflowPx: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        contrast: await page.evaluate(lowestContrast),
        unnamed: await page.evaluate(unnamedControls),
      });
      await page.context().close();
    }
  }
  return seen;
});

/** The text with the lowest contrast to its background (WCAG 2.2, success criterion 1.4.3). */
function lowestContrast() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isClear = (color) => channels(color)[3] === 0;
  const behind = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return isClear(color) && node.parentElement ? behind(node.parentElement) : color;
  };
  let lowest = { ratio: 21, text: "" };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: node, textContent } = texts.currentNode;
    if (!textContent.trim() || !node.checkVisibility()) continue;
    const [one, other] = [luminance(getComputedStyle(node).color), luminance(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < lowest.ratio) lowest = { ratio, text: textContent.trim() };
  }
  return lowest;
}

/** Controls without a name for a screen reader. */
function unnamedControls() {
  const named = (control) => control.labels?.length || control.textContent.trim() || control.ariaLabel || control.hasAttribute("aria-labelledby");
  return [...document.querySelectorAll("button, input, select, audio")].filter((control) => !named(control)).map((control) => control.outerHTML);
}
