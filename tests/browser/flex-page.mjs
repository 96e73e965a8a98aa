// The page that Flex UI runs in, with `flex.cjs` bundled.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { BOUND_MS } from "./browser.mjs";

/** The origin of Flex, unless it is self-hosted. */
export const FLEX = "https://flex.twilio.com";

/** The requests of each page that had no response, with Chromium's reason. */
const FAILURES = new WeakMap();

export function failures(page) {
  return FAILURES.get(page);
}

const html = (script) => `<!doctype html>
<meta charset="utf-8"><title>Flex</title><link rel="icon" href="data:,">
<style>body { margin: 16px; } header { min-height: 96px; } main { margin-top: 24px; }</style>
<script src="${script}" defer></script>`;

/**
 * Serves the page and its script on loopback, and a `url_provider` that returns the given link the given number of
 * times (`/gives?link=…&times=…`). Returns the origin. With `port` 0, a free port is chosen.
 */
export async function serveFlex(script, port = 0) {
  const given = new Map();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
    if (pathname === "/flex.js") {
      response.setHeader("content-type", "text/javascript; charset=utf-8");
      createReadStream(script).pipe(response);
    } else if (pathname === "/gives") {
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("access-control-allow-headers", "authorization");
      const times = given.get(request.url) ?? 0;
      if (request.method === "GET") given.set(request.url, times + 1);
      response.statusCode = times < (searchParams.get("times") ?? Infinity) ? 200 : 503;
      response.end(JSON.stringify({ media_url: searchParams.get("link") }));
    } else {
      response.setHeader("content-type", "text/html");
      response.end(html("/flex.js"));
    }
  });
  // The script must end when its browser has.
  server.unref();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

/** Opens a tab in Chromium with Flex at `origin`. Its script is served at `served`. */
export async function openFlex(browser, served, { origin = FLEX, viewport = { width: 1100, height: 300 } } = {}) {
  const context = await browser.newContext({ viewport });
  context.setDefaultTimeout(BOUND_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });
  FAILURES.set(page, []);
  page.on("requestfailed", (request) => {
    FAILURES.get(page).push(`${request.method()} ${new URL(request.url()).pathname}: ${request.failure().errorText}`);
  });
  // Only the page itself is intercepted. Playwright's own interception would also answer every preflight request, so
  // that the function's CORS headers would not be tested.
  const devtools = await context.newCDPSession(page);
  devtools.on("Fetch.requestPaused", ({ requestId }) => {
    const answer = { responseCode: 200, responseHeaders: [{ name: "content-type", value: "text/html" }] };
    devtools.send("Fetch.fulfillRequest", { requestId, ...answer, body: btoa(html(`${served}/flex.js`)) });
  });
  // Playwright reports a refusal by CORS as `net::ERR_FAILED` only.
  const paths = new Map();
  devtools.on("Network.requestWillBeSent", ({ requestId, request }) => paths.set(requestId, new URL(request.url).pathname));
  devtools.on("Network.loadingFailed", ({ requestId, type, corsErrorStatus: cors }) => {
    if (cors) FAILURES.get(page).push(`${type} ${paths.get(requestId)}: ${cors.corsError} ${cors.failedParameter}`);
  });
  await devtools.send("Network.enable");
  await devtools.send("Fetch.enable", { patterns: [{ urlPattern: `${origin}/` }] });
  await page.goto(origin, { timeout: 0 });
  // While it intercepts, a busy Chromium 148 now and then cancels a request to another origin before its response. The
  // page does not see an abort but `net::ERR_FAILED`, as with a lost connection.
  await devtools.send("Fetch.disable");
  return page;
}
