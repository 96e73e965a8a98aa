// The browser's requests and their S3 and KMS calls, as they happen.

import { bytes, element, percent } from "./format.js";

/** A listener who seeks for an hour makes a few thousand requests. The page shows only the latest, so that it stays fast. */
const SHOWN = 300;

/** Shows the stack's events in `list`, newest first. `onPart` is called with every range that was answered. */
export function watch({ list, totals, quiet, onPart }) {
  const counts = { requests: 0, s3: 0, kms: 0 };
  let calls = [];
  new EventSource("traffic").onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.kind === "call") {
      if (event.service in counts) {
        counts[event.service] += 1;
        calls.push(event);
      }
    } else if (event.recordingSid) {
      counts.requests += 1;
      // Calls are made before the answer that needs them. With the newest first, they are below it.
      list.prepend(exchangeRow(event), ...calls.map(callRow));
      calls = [];
      const part = partOf(event.contentRange);
      if (part) onPart(event.recordingSid, part);
    }
    while (list.childElementCount > SHOWN) list.lastElementChild.remove();
    quiet.hidden = counts.requests > 0;
    totals.textContent = `${counts.requests} requests · ${counts.s3} S3 · ${counts.kms} KMS`;
  };
}

/** `bytes 0-9/100` as numbers. Null if there is no range, as with a 416. */
function partOf(contentRange) {
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? "");
  if (!found) return null;
  const [first, last, total] = found.slice(1).map(Number);
  return { first, last, total };
}

/** The purpose of a request, from `Sec-Fetch-Dest`: a page's `fetch` draws the waveform, and a media element plays. */
const PURPOSES = { empty: "for the waveform", audio: "for an <audio> element" };

function exchangeRow({ method, path, range, fetchDest, status, contentRange }) {
  const kind = status >= 500 ? "failed" : status >= 400 ? "refused" : "";
  const isLink = path === "/media-url";
  const what = isLink ? "url_provider" : [range ?? "everything", PURPOSES[fetchDest]].filter(Boolean).join(" ");
  const part = partOf(contentRange);
  const answer = part
    ? `${bytes(part.last - part.first + 1)} at ${percent(part.first / part.total)}`
    : (contentRange ?? "");
  return element("li", { className: "exchange" }, [
    element("span", { className: `status ${kind}`, textContent: status }),
    element("div", {}, [
      element("p", { textContent: `${method} ${what}` }),
      element("p", { className: "answer", textContent: answer }),
    ]),
  ]);
}

function callRow({ service, operation, range }) {
  return element("li", { className: "call" }, [
    element("span", { className: "service", textContent: service.toUpperCase() }),
    element("p", { textContent: [operation, range].filter(Boolean).join(" ") }),
  ]);
}
