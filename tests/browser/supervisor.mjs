// A supervisor's actions in Flex: open a conversation, play with the button, seek with the waveform, choose a
// recording.

import { failures } from "./flex-page.mjs";

/** Opens the conversation of `{ token, urlProviders }`, and closes the open ones. */
export async function open(page, conversation) {
  await page.evaluate(async (conversation) => {
    flex.closeConversations();
    await flex.openConversation(conversation);
  }, conversation);
}

/** Waits until the Player shows a recording of this duration with its waveform, and returns the waveform. */
export async function shown(page, lengthS) {
  const isShown = (lengthS) => {
    const isRight = Math.abs(document.querySelector("audio")?.duration - lengthS) < 0.1;
    return isRight && flex.waveform(document);
  };
  try {
    return await (await page.waitForFunction(isShown, lengthS)).jsonValue();
  } catch (error) {
    const seen = { ...(await page.evaluate(state)), failures: failures(page) };
    throw new Error(`${error.message} ${JSON.stringify(seen)}`);
  }
}

/** What the page shows of a recording, without its link. */
function state() {
  const audio = document.querySelector("audio");
  const { duration, readyState, networkState, error } = audio ?? {};
  const requests = performance.getEntriesByType("resource").map(({ name, responseStatus, transferSize, duration }) => {
    return [new URL(name).pathname, responseStatus, transferSize, duration];
  });
  const text = document.body.innerText.slice(0, 500);
  return { duration, readyState, networkState, error: error?.message, requests: requests.slice(-20), text };
}

/**
 * Plays from the start, or from a position that a click on the waveform selects. If another recording was chosen during
 * playback, Flex's button still says "Pause".
 */
export async function play(page, share = 0) {
  if (share > 0) await seekTo(page, share);
  await page.getByRole("button", { name: /^(Play|Pause)$/ }).click();
  return playsAt(page, share);
}

/** Clicks on the waveform at a fraction of its width, waits until it plays there, and returns the position. */
export async function seek(page, share) {
  await seekTo(page, share);
  return playsAt(page, share);
}

export async function seekTo(page, share) {
  const waveform = await page.locator(".twilio-player-waveform > wave").boundingBox();
  await page.mouse.click(waveform.x + share * waveform.width, waveform.y + waveform.height / 2);
}

/**
 * Waits until the audio has played for half a second after a fraction of its duration, with a tolerance of one pixel.
 */
async function playsAt(page, share) {
  const went = await page.waitForFunction((share) => {
    const { currentTime, duration, paused, seeking, error } = document.querySelector("audio");
    if (error) throw new Error(`audio: ${error.message}`);
    const from = share * duration - duration / 500;
    return !paused && !seeking && currentTime >= from + 0.5 && currentTime < from + duration / 2 && currentTime;
  }, share);
  return went.jsonValue();
}

/** Chooses another recording of the segment. */
export async function choose(page, { from, to }) {
  await page.getByRole("button", { name: `Recording ${from}` }).click();
  await page.getByRole("option", { name: `Recording ${to}` }).click();
}

/** The texts of Flex's notifications since the conversation was opened. */
export async function notifications(page) {
  return page.evaluate(() => flex.notifications);
}
