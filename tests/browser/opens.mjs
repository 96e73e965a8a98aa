// Opens recordings as Twilio's Player does: fetches each whole for the waveform, and gives it to an <audio> element. Then
// listens to some of them, at the places that are asked for.

import { PLAIN, scenario } from "./browser.mjs";

await scenario(async ({ recordings }, open) => {
  const page = await open(PLAIN);
  const seen = [];
  for (const { link, places } of recordings) {
    seen.push(await page.evaluate(opened, link));
    for (const place of places) seen.push(await page.evaluate(listened, place));
    await page.evaluate(() => document.querySelector("#opened").remove());
  }
  return seen;
});

async function opened(link) {
  const waveform = await (await fetch(link)).arrayBuffer();
  const audio = document.createElement("audio");
  audio.id = "opened";
  audio.preload = "metadata";
  audio.src = link;
  const suspended = new Promise((next) => audio.addEventListener("suspend", next));
  document.body.append(audio);
  await suspended;
  return waveform.byteLength;
}

/** Plays half a second from a place, which is told as a share of the duration. */
async function listened(place) {
  const audio = document.querySelector("#opened");
  const from = place * audio.duration;
  if (place > 0) audio.currentTime = from;
  await audio.play();
  while (audio.currentTime < from + 0.5) await new Promise((next) => audio.addEventListener("timeupdate", next, { once: true }));
  audio.pause();
  return audio.currentTime;
}
