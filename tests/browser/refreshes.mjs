// Flex UI's own player with links of twenty seconds, in any browser. The code is the body of a function with the job as
// its parameter. Four conversations are open side by side: one plays, one is paused, one was never played, and one has
// two recordings. Times refer to the recordings, not to the clock.

export const REFRESHES = `async ({ token, urlProviders, boundMs }) => {
  const { openConversation, waveform, notifications } = flex;
  const until = (what, condition) => new Promise((met, fail) => {
    const bound = setTimeout(() => fail(new Error("timed out waiting for " + what + ": " + JSON.stringify({ notifications, audio: state() }))), boundMs);
    const look = () => {
      const found = condition();
      if (!found) return setTimeout(look, 50);
      clearTimeout(bound);
      met(found);
    };
    look();
  });
  const spans = (ranges) => Array.from({ length: ranges.length }, (_, at) => [ranges.start(at), ranges.end(at)]);
  const state = () => [...document.querySelectorAll("audio")].map(({ currentTime, readyState, paused, played, buffered, error }) => ({ currentTime, readyState, paused, played: spans(played), buffered: spans(buffered), error: error?.message }));
  const open = (...urlProviders) => openConversation({ token, urlProviders });
  const audioOf = (view) => view.querySelector("audio");
  const seekTo = (view, share) => {
    const wave = view.querySelector(".twilio-player-waveform > wave");
    const { left, top, width, height } = wave.getBoundingClientRect();
    const place = { clientX: left + share * width, clientY: top + height / 2 };
    wave.dispatchEvent(new MouseEvent("click", { bubbles: true, ...place }));
  };
  const choose = async (view, recording) => {
    view.querySelector("[aria-haspopup=listbox]").dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
    const option = () => document.querySelector("[role=option][data-value='" + recording + "']");
    await until("the list", option);
    option().click();
  };
  const click = (view) => view.querySelector("[data-testid=play-button], [data-testid=pause-button]").click();

  // The positions when a new link replaced the source, and where playback resumed.
  const watch = (audio) => {
    const swaps = [];
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "src");
    Object.defineProperty(audio, "src", {
      get,
      set(url) {
        swaps.push({ before: audio.currentTime });
        set.call(audio, url);
      },
    });
    for (const event of ["canplay", "seeking", "playing"]) {
      audio.addEventListener(event, () => {
        if (swaps.length > 0) swaps.at(-1)[event] ??= audio.currentTime;
      });
    }
    return swaps;
  };

  // There is no audio device. Unless the audio is muted, Firefox reports this as broken media.
  document.addEventListener("loadstart", ({ target }) => (target.muted = true), true);

  const [long, paused, untouched, pair] = [await open(urlProviders[0]), await open(urlProviders[1]), await open(urlProviders[1]), await open(urlProviders[2], urlProviders[3])];
  for (const view of [long, paused, untouched, pair]) await until("a waveform", () => waveform(view));
  const seen = {};
  const links = [long, paused, untouched].map((view) => audioOf(view).src);

  const plays = async () => {
    const swaps = watch(audioOf(long));
    click(long);
    await until("three refreshes", () => swaps[2]?.playing);
    const from = audioOf(long).currentTime;
    await until("a second more", () => audioOf(long).currentTime > from + 1);
    return swaps.slice(0, 3).map(({ before, seeking }) => ({ before, after: seeking }));
  };
  const pauses = async () => {
    const audio = audioOf(paused);
    const swaps = watch(audio);
    click(paused);
    await until("three seconds", () => audio.currentTime > 3);
    click(paused);
    await until("its pause", () => audio.paused);
    const earlier = swaps.length;
    await until("its refresh", () => swaps[earlier]?.seeking);
    const { before, seeking } = swaps[earlier];
    const wasPaused = audio.paused;
    click(paused);
    await until("a second more", () => audio.currentTime > seeking + 1);
    return { before, after: seeking, wasPaused };
  };
  const waits = async () => {
    const audio = audioOf(untouched);
    const swaps = watch(audio);
    await until("its refresh", () => swaps[0]?.canplay !== undefined);
    click(untouched);
    await until("its first second", () => audio.currentTime > 1);
  };
  const chooses = async () => {
    const [one, audio] = [waveform(pair), audioOf(pair)];
    click(pair);
    await until("two seconds", () => audio.currentTime > 2);
    await choose(pair, 1);
    await until("another element", () => audioOf(pair) !== audio && audioOf(pair).readyState > 0);
    const at = audioOf(pair).currentTime;
    const other = await until("another waveform", () => waveform(pair));
    return { at, redrawn: String(one) !== String(other), durationS: audioOf(pair).duration, link: audioOf(pair).src };
  };
  [seen.plays, seen.pauses, seen.chooses] = await Promise.all([plays(), pauses(), chooses(), waits()]);
  seen.renewed = [long, paused, untouched].map((view, at) => audioOf(view).src !== links[at]);
  seen.pairIsRenewed = audioOf(pair).src !== seen.chooses.link;
  seen.notificationsBefore = [...notifications];

  // The link of the segment with two recordings must have expired, including half a minute of tolerance. On a busy machine,
  // the other recordings may be done before that.
  const expiresS = Number(new URL(seen.chooses.link).searchParams.get("expires"));
  await until("the link's expiry", () => Date.now() / 1000 > expiresS + 31);
  click(pair);
  seekTo(pair, 0.9);
  await until("a notification", () => notifications.length > 0);
  seen.notifications = [...notifications];
  const again = await open(urlProviders[2], urlProviders[3]);
  await until("its waveform", () => waveform(again));
  click(again);
  await until("it plays", () => audioOf(again).currentTime > 1);
  return seen;
}`;
