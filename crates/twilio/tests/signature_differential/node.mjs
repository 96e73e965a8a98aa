// Answers what Twilio's own library makes of requests: JSON lines in, JSON lines out. Its folder is the only argument.

import { createRequire } from "node:module";
import { parse, stringify } from "node:querystring";
import { createInterface } from "node:readline";

// The one file: the whole library takes seconds to load.
const { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } =
  createRequire(`${process.argv[2]}/`)("twilio/lib/webhooks/webhooks.js");

function answer({ url, body, header, secret, algorithm }) {
  const params = "form" in body ? fields(body.form) : {};
  const accepted = "raw" in body
    ? validateRequestWithBody(secret, header, url, body.raw, algorithm)
    : validateRequest(secret, header, url, params, algorithm);
  return { accepted, signature: getExpectedTwilioSignature(secret, url, params, algorithm), forms: forms(url) };
}

/** A form's fields as a body parser hands them over: repeated ones as an array. */
function fields(form) {
  // It takes a question mark at the beginning for a query's.
  const parameters = new URLSearchParams(`?${form}`);
  const all = (name) => parameters.getAll(name);
  return Object.fromEntries([...parameters.keys()].map((name) => [name, all(name).length > 1 ? all(name) : all(name)[0]]));
}

/** The URL as Node's own URL and querystring write it, with and without a port: the forms that may have been signed. */
function forms(url) {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const standard = protocol === "https:" ? 443 : 80;
  const again = search.length > 1 ? `?${stringify(parse(search.slice(1)))}` : search;
  return ["", `:${port || standard}`].flatMap((shown) =>
    [search, again].map((query) => `${protocol}//${hostname}${shown}${pathname}${query}`));
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
