// What the scenarios share: Debian's Chromium on the stack's page. A scenario gets its job as JSON in its one argument,
// and prints what it saw as JSON.

const job = JSON.parse(process.argv[2]);
const { chromium } = await import(`${job.modules}/playwright-core/index.mjs`);

/** Waiting is for a condition; this only bounds it. A machine busy with a build may take many times what it should. */
export const BOUND_MS = 60_000;

/** The page with its plain `<audio>` alone. */
export const PLAIN = { path: "?plain" };

/** A browser of its own. */
export async function launch() {
  return chromium.launch({
    executablePath: job.chromium,
    env: { ...process.env, HOME: job.home },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      // An intercepted page counts as one from the internet, which may not ask loopback. The real function is no more local
      // than Flex is.
      "--disable-features=LocalNetworkAccessChecks",
    ],
  });
}

/** Opens the page, has `visit` use it, and prints what that returns. A script error on the page is a failure. */
export async function scenario(visit) {
  const browser = await launch();
  try {
    const seen = await visit(job, (options) => open(browser, options), browser);
    console.log(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
}

async function open(browser, { path = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(BOUND_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(job.page + path);
  return page;
}

/** The button of a stored recording. */
export function card(page, sid) {
  return page.getByRole("button", { name: new RegExp(sid) });
}

/** Waits until the audio has gone on for half a second from `fromS`; returns where it is. */
export async function playsFrom(page, fromS) {
  const went = await page.waitForFunction((from) => {
    const { currentTime, paused, error } = document.querySelector("audio");
    if (error) throw new Error(`audio: ${error.message}`);
    return !paused && currentTime >= from + 0.5 && currentTime;
  }, fromS);
  return went.jsonValue();
}

/** Seeks, and waits until it plays there. */
export async function seek(page, toS) {
  await page.evaluate((to) => (document.querySelector("audio").currentTime = to), toS);
  return playsFrom(page, toS);
}

/** Seeks to two seconds before the end, and waits until it has played out; returns where that is. */
export async function ends(page) {
  await page.evaluate(() => {
    const audio = document.querySelector("audio");
    audio.currentTime = audio.duration - 2;
  });
  const ended = await page.waitForFunction(() => {
    const { currentTime, ended, error } = document.querySelector("audio");
    if (error) throw new Error(`audio: ${error.message}`);
    return ended && currentTime;
  });
  return ended.jsonValue();
}

export async function duration(page) {
  return page.evaluate(() => document.querySelector("audio").duration);
}
