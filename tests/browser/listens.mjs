// The job for Firefox and WebKit: play a link, optionally seek to 90 %, back to 10 % and to the end, then play the
// whole recording at the given rate. Prints the result as JSON.

export const job = JSON.parse(process.argv[2]);

/**
 * The body of a function on the page. Its last argument is called with the result. Muted, because there is no audio
 * device.
 */
export const LISTEN = `
  const [url, seeks, rate, boundMs, done] = arguments;
  const audio = new Audio();
  const fail = (error) => done({ error: String(error) });
  let waitsFor = "";
  setTimeout(() => fail(waitsFor + " at " + audio.currentTime + " s, readyState " + audio.readyState), boundMs);
  const until = (condition) => new Promise((met) => {
    waitsFor = String(condition);
    const look = () => (condition() ? met(audio.currentTime) : setTimeout(look, 50));
    look();
  });
  const seek = async (to) => {
    audio.currentTime = to;
    return until(() => !audio.paused && !audio.seeking && audio.currentTime >= to + 0.5);
  };
  audio.addEventListener("error", () => fail(audio.error && audio.error.message));
  audio.muted = true;
  audio.preload = "metadata";
  audio.src = url;
  document.body.append(audio);
  (async () => {
    await until(() => audio.readyState >= 1);
    await audio.play();
    const start = await until(() => audio.currentTime >= 0.5);
    const lengthS = audio.duration;
    const seen = { lengthS, start };
    if (seeks) {
      seen.late = await seek(0.9 * lengthS);
      seen.early = await seek(0.1 * lengthS);
      audio.currentTime = lengthS - 2;
      seen.ended = await until(() => audio.ended);
    }
    if (audio.currentTime > lengthS / 2) audio.currentTime = 0;
    audio.playbackRate = rate;
    await audio.play();
    await until(() => audio.currentTime > 0 && audio.currentTime < lengthS / 2);
    seen.whole = await until(() => audio.ended);
    done(seen);
  })().catch(fail);
`;

/** Repeats a call until it succeeds, while a program starts. */
export async function started(call) {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (tries === 300) throw error;
      await new Promise((next) => setTimeout(next, 100));
    }
  }
}
