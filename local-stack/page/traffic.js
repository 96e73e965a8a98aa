// What the browser asked for and what it cost, as it happens.

import { bytes, element, percent } from "./format.js";

/** A listener who seeks for an hour makes a few thousand requests; the page stays quick with the last of them. */
const SHOWN = 300;

/** Shows the stack's events in `list`, newest first; `onPart` hears of every range that was answered. */
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
      // Calls are made before the answer that they're for: newest first, they stand under it.
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

/** `bytes 0-9/100` as numbers; null where there's none, as with a 416. */
function partOf(contentRange) {
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? "");
  if (!found) return null;
  const [first, last, total] = found.slice(1).map(Number);
  return { first, last, total };
}

/** Who asks, by `Sec-Fetch-Dest`: a page that fetches draws a waveform, a media element plays. */
const ASKERS = { empty: "for the waveform", audio: "for an <audio> element" };

function exchangeRow({ method, path, range, fetchDest, status, contentRange }) {
  const kind = status >= 500 ? "failed" : status >= 400 ? "refused" : "";
  const isLink = path === "/media-url";
  const what = isLink ? "url_provider" : [range ?? "everything", ASKERS[fetchDest]].filter(Boolean).join(" ");
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
