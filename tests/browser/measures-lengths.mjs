// The time and memory that a supervisor's tab needs for recordings of different lengths and formats: Flex UI's own player in
// Chromium, with one browser for each file. No function is called, so that the figures show only the browser.
//
//   node tests/browser/measures-lengths.mjs "$(cargo run -q -p toolbox --bin flex_job)" 10.wav 10.mp3 60.wav …
//
// Prints one line per file: the seconds until the waveform is drawn, and the tab's resident memory in MiB before, after and
// at its maximum.

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { resolve } from "node:path";
import { launch } from "./browser.mjs";
import { openFlex, serveFlex } from "./flex-page.mjs";
import { open, play, seek } from "./supervisor.mjs";

const [, , given, ...names] = process.argv;
const job = JSON.parse(given);
/** A string in the form of a token. No function checks it. */
const TOKEN = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.nobodys.dGFn";

/** Answers like the function, but without a limit and without delay. */
async function serveFiles() {
  const server = createServer(async (request, response) => {
    const file = decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname);
    const { size } = await stat(file);
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const range = { start: Number(first), end: last ? Number(last) : size - 1 };
    response.writeHead(request.headers.range ? 206 : 200, {
      "accept-ranges": "bytes",
      "access-control-allow-origin": "*",
      "cache-control": "private, no-store",
      "content-length": range.end - range.start + 1,
      "content-range": `bytes ${range.start}-${range.end}/${size}`,
      "content-type": file.endsWith("mp3") ? "audio/mpeg" : "audio/x-wav",
    });
    createReadStream(file, range).pipe(response).on("error", () => {});
  });
  server.unref();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

/** The resident set of the page's renderer in MiB, current and maximum. */
async function memory(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  const sets = await Promise.all(
    processInfo.filter(({ type }) => type === "renderer").map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, "utf8");
      const mib = (field) => Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)[1]) / 1024);
      return { now: mib("VmRSS"), peak: mib("VmHWM") };
    }),
  );
  return sets.reduce((largest, set) => (set.peak > largest.peak ? set : largest));
}

/** The Player draws the waveform as soon as the whole recording is decoded: before the frame after the next. */
function noteWhenDecoded() {
  const { prototype } = BaseAudioContext;
  const { decodeAudioData } = prototype;
  prototype.decodeAudioData = function (...given) {
    const decoded = decodeAudioData.apply(this, given);
    decoded.then(() => requestAnimationFrame(() => requestAnimationFrame(() => (window.isDrawn = true))), () => {});
    return decoded;
  };
}

async function measure(served, files, name) {
  const browser = await launch();
  try {
    const page = await openFlex(browser, served);
    page.setDefaultTimeout(0);
    const crashed = new Promise((crash) => page.on("crash", () => crash("the tab crashed")));
    const link = `${files}${resolve(name)}`;
    const urlProvider = `${served}/gives?link=${encodeURIComponent(link)}`;
    const before = await page.evaluate(() => {}).then(() => memory(browser));
    const began = performance.now();
    await page.evaluate(noteWhenDecoded);
    const drawn = (async () => {
      await open(page, { token: TOKEN, urlProviders: [urlProvider] });
      await page.waitForFunction(() => window.isDrawn || flex.notifications.length > 0, null, { polling: 100 });
      return (await page.evaluate(() => flex.notifications))[0] ?? "drawn";
    })();
    const outcome = await Promise.race([drawn.catch(() => crashed), crashed]);
    const seconds = (performance.now() - began) / 1000;
    if (outcome === "the tab crashed") return { name, outcome, seconds };
    const after = await memory(browser);
    await play(page);
    const late = await seek(page, 0.9);
    return { name, outcome, seconds, beforeMib: before.now, afterMib: after.now, peakMib: after.peak, late };
  } finally {
    await browser.close();
  }
}

const served = await serveFlex(job.flex);
const files = await serveFiles();
for (const name of names) console.log(JSON.stringify(await measure(served, files, name)));
