// From the click to the sound: opens conversations in Flex UI's own Player, plays each from its start, and seeks to
// 90 %. Times are Unix milliseconds, from the page's clock.

import { scenario } from "../../tests/browser/browser.mjs";
import { failures, openFlex, serveFlex } from "../../tests/browser/flex-page.mjs";
import { shown } from "../../tests/browser/supervisor.mjs";

/** What an element reports on the way to its sound. */
const EVENTS = ["loadstart", "loadedmetadata", "loadeddata", "canplay", "play", "playing", "seeking", "seeked", "waiting"];

await scenario(async ({ flex, token, lengthS, openings }, _, browser) => {
  const page = await openFlex(browser, await serveFlex(flex));
  const requests = watchRequests(page);
  await page.evaluate(watchElements, EVENTS);
  const seen = [];
  for (const { plays, ...conversation } of openings) {
    requests.length = 0;
    seen.push(await (plays ? hear : look)(page, { token, ...conversation }, lengthS));
    seen.at(-1).requests = await Promise.all(requests);
    seen.at(-1).failures = failures(page).splice(0);
    await page.evaluate(() => flex.closeConversations());
    await page.waitForTimeout(200);
  }
  return seen;
});

/** Opens a conversation, and leaves when its waveform is drawn and its element has read as much as it reads ahead. */
async function look(page, conversation, lengthS) {
  await page.evaluate((conversation) => flex.openConversation(conversation), conversation);
  await shown(page, lengthS);
  await page.waitForFunction(() => document.querySelector("audio").networkState === HTMLMediaElement.NETWORK_IDLE);
  return {};
}

/** Opens a conversation, plays it at once, and seeks when its waveform is drawn. */
async function hear(page, conversation, lengthS) {
  const click = await page.evaluate(clickAndPlay, conversation);
  await shown(page, lengthS);
  // The element has read as much as it reads ahead.
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 1);
  await page.waitForTimeout(500);
  const seek = await page.evaluate(seekTo, 0.9);
  await page.waitForTimeout(300);
  return { click, seek, events: await page.evaluate(() => window.seen.splice(0)) };
}

/** The page's requests to the function, each a promise, because their timing is known late. */
function watchRequests(page) {
  const requests = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/(media-url|recordings\/)/.test(pathname)) requests.push(describe(request, pathname));
  });
  return requests;
}

async function describe(request, path) {
  const response = await request.response();
  const late = new Promise((late) => setTimeout(late, 3_000));
  const finished = Promise.race([response?.finished().then((error) => !error), late]);
  const hasEnded = await finished;
  const { startTime, responseStart, responseEnd } = request.timing();
  const ended = hasEnded && responseEnd > 0 ? startTime + responseEnd : undefined;
  return { path, range: request.headers().range, begun: startTime, firstByte: startTime + responseStart, ended };
}

function watchElements(events) {
  window.seen = [];
  window.now = () => performance.timeOrigin + performance.now();
  const note = ({ type, target }) => target instanceof HTMLMediaElement && window.seen.push({ type, at: window.now() });
  for (const event of events) document.addEventListener(event, note, true);
}

/** Opens the conversation, and clicks the play button as soon as it is there. */
async function clickAndPlay(conversation) {
  const playing = new Promise((plays) => document.addEventListener("playing", () => plays(window.now()), { capture: true, once: true }));
  const observer = new MutationObserver(() => {
    const button = document.querySelector("[data-testid=play-button]");
    if (!button) return;
    observer.disconnect();
    button.click();
  });
  observer.observe(document.body, { childList: true, subtree: true });
  performance.clearResourceTimings();
  await flex.openConversation(conversation);
  const at = await playing;
  const links = performance.getEntriesByType("resource").filter(({ name }) => new URL(name).pathname === "/media-url");
  const begun = performance.timeOrigin + Math.min(...links.map(({ startTime }) => startTime));
  return { begun, playing: at };
}

/** Clicks on the waveform. */
async function seekTo(share) {
  const { left, top, width, height } = document.querySelector(".twilio-player-waveform > wave").getBoundingClientRect();
  const place = { clientX: left + share * width, clientY: top + height / 2 };
  const wave = document.querySelector(".twilio-player-waveform > wave");
  const playing = new Promise((plays) => document.addEventListener("playing", () => plays(window.now()), { capture: true, once: true }));
  const begun = window.now();
  wave.dispatchEvent(new MouseEvent("click", { bubbles: true, ...place }));
  return { begun, playing: await playing };
}
