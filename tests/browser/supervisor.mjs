// A supervisor at Flex: opens a conversation, plays by the button, seeks by the waveform, chooses a recording.

/** Opens the conversation of `{ token, urlProviders }`, and closes those that are open. */
export async function open(page, conversation) {
  await page.evaluate(async (conversation) => {
    flex.closeConversations();
    await flex.openConversation(conversation);
  }, conversation);
}

/** Waits until the Player shows a recording of this duration with its waveform; returns the waveform. */
export async function shown(page, lengthS) {
  const drawn = await page.waitForFunction((lengthS) => {
    const isRight = Math.abs(document.querySelector("audio")?.duration - lengthS) < 0.1;
    return isRight && flex.waveform(document);
  }, lengthS);
  return drawn.jsonValue();
}

/**
 * Plays from the beginning, or from a place that is chosen by a click on the waveform. After another recording was chosen
 * while one played, Flex's button still says "Pause".
 */
export async function play(page, share = 0) {
  if (share > 0) await seekTo(page, share);
  await page.getByRole("button", { name: /^(Play|Pause)$/ }).click();
  return playsAt(page, share);
}

/** Clicks on the waveform at a share of its width, and waits until it plays there; returns where it is. */
export async function seek(page, share) {
  await seekTo(page, share);
  return playsAt(page, share);
}

export async function seekTo(page, share) {
  const waveform = await page.locator(".twilio-player-waveform > wave").boundingBox();
  await page.mouse.click(waveform.x + share * waveform.width, waveform.y + waveform.height / 2);
}

/** Waits until the audio has gone on for half a second from a share of its duration, give or take a pixel. */
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

/** What Flex's notifications have said since the conversation was opened. */
export async function told(page) {
  return page.evaluate(() => flex.told);
}
