// How much of a recording a listener's Chromium fetches, and how long that occupies an instance, for each limit on the
// reply to an open range. Each case has a proxy between the browser and the stack. The proxy requests from the stack
// the bytes that a function with this limit would send, and passes them on as Lambda does: 6 MB at full speed, then 2
// MB/s. A client that reads nothing holds up the reply, and the reply continues to its end when the client has gone.

import { createServer } from "node:http";
import { once } from "node:events";

const job = JSON.parse(process.argv[2]);
const { chromium } = await import(`${job.modules}/playwright-core/index.mjs`);

const BURST = 6_000_000;
const BYTES_PER_MS = 2_000;
const CHUNK = 65_536;

/** The listener's actions on the page. */
const LISTENERS = {
  // From start to end.
  played: async (audio) => {
    const ended = new Promise((end) => audio.addEventListener("ended", end));
    await audio.play();
    await ended;
  },
  // Ten positions, five seconds at each.
  scrubbed: async (audio, wait) => {
    await audio.play();
    for (const tenth of [0, 5, 2, 8, 1, 9, 4, 6, 3, 7]) {
      audio.currentTime = (tenth * audio.duration) / 10;
      await wait(5_000);
    }
  },
  // Ten seconds, then a pause of three minutes, then the page is closed.
  paused: async (audio, wait) => {
    await audio.play();
    await wait(10_000);
    audio.pause();
    await wait(180_000);
  },
};

const sleep = (ms) => new Promise((next) => setTimeout(next, ms));

async function proxy(link, maxBytes, replies) {
  const server = createServer(async (request, response) => {
    if (!request.url.startsWith("/recording")) {
      response.setHeader("content-type", "text/html");
      response.end("<audio preload=metadata src=/recording.wav></audio>");
      return;
    }
    const began = performance.now();
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "bytes=0-");
    const first = Number(start);
    const range = `bytes=${first}-${end || first + maxBytes - 1}`;
    const upstream = await fetch(link, { headers: { range } });
    const body = Buffer.from(await upstream.arrayBuffer());
    const fetched = performance.now();
    response.writeHead(upstream.status, {
      "accept-ranges": "bytes",
      // The same header as the function's. Without it, Chromium keeps the received data, and requests gaps with closed
      // ranges.
      "cache-control": "private, no-store",
      "content-range": upstream.headers.get("content-range"),
      "content-type": upstream.headers.get("content-type"),
      etag: upstream.headers.get("etag"),
    });
    const gone = once(response, "close").catch(() => {});
    for (let at = 0; at < body.length; at += CHUNK) {
      const due = fetched + Math.max(0, at - BURST) / BYTES_PER_MS;
      if (due > performance.now()) await sleep(due - performance.now());
      if (response.destroyed) continue;
      if (!response.write(body.subarray(at, at + CHUNK))) {
        await Promise.race([once(response, "drain").catch(() => {}), gone]);
      }
    }
    replies.push({ first, bytes: body.length, seconds: (performance.now() - fetched) / 1000, asked: fetched - began });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function measure(browser, listener, maxBytes) {
  const replies = [];
  const server = await proxy(job.link, maxBytes, replies);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`, { timeout: 0 });
  await page.waitForFunction(() => document.querySelector("audio").readyState >= 1, null, { timeout: 0 });
  await page.evaluate(
    `(${LISTENERS[listener]})(document.querySelector("audio"), (ms) => new Promise((next) => setTimeout(next, ms)))`,
  );
  await context.close();
  // Replies without a client end by themselves.
  await sleep(job.settleMs);
  server.closeAllConnections();
  server.close();
  const sum = (of) => replies.reduce((all, reply) => all + of(reply), 0);
  return {
    listener,
    maxBytes,
    replies: replies.length,
    bytes: sum(({ bytes }) => bytes),
    seconds: sum(({ seconds }) => seconds),
    unheldSeconds: sum(({ bytes }) => Math.max(0, bytes - BURST) / BYTES_PER_MS / 1000),
  };
}

const browser = await chromium.launch({
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
    // Listeners also use tabs in the background.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
  ],
});
try {
  const cases = Object.keys(LISTENERS).flatMap((listener) => job.maxBytes.map((max) => [listener, max]));
  const measured = await Promise.all(cases.map(([listener, max]) => measure(browser, listener, max)));
  console.log(JSON.stringify(measured));
} finally {
  await browser.close();
}
