// Shared by the scenarios: Debian's Chromium on the stack's page. A scenario reads its job as JSON from its only
// argument, and prints its result as JSON.

const job = JSON.parse(process.argv[2]);
const { chromium } = await import(`${job.modules}/playwright-core/index.mjs`);

/** The limit for every wait for a condition, as in the tests' `eventually`: a busy machine may need many times the usual time. */
export const BOUND_MS = 300_000;

/** The page with only its plain `<audio>` element. */
export const PLAIN = { path: "?plain" };

/** Starts a browser. */
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
      // Chromium treats an intercepted page as one from the Internet, which may not connect to loopback. The real
      // function is not local for Flex either.
      "--disable-features=LocalNetworkAccessChecks",
    ],
  });
}

/** Opens the page, runs `visit` with it, and prints the result. A script error on the page is a failure. */
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

/** Waits until the audio has played for half a second after `fromS`, and returns its position. */
export async function playsFrom(page, fromS) {
  const went = await page.waitForFunction((from) => {
    const { currentTime, paused, error } = document.querySelector("audio");
    if (error) throw new Error(`audio: ${error.message}`);
    return !paused && currentTime >= from + 0.5 && currentTime;
  }, fromS);
  return went.jsonValue();
}

/** Seeks, and waits until the audio plays at the new position. */
export async function seek(page, toS) {
  await page.evaluate((to) => (document.querySelector("audio").currentTime = to), toS);
  return playsFrom(page, toS);
}

/** Seeks to two seconds before the end, waits until the audio has ended, and returns its position. */
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
