// The page: it lists the recordings, plays the chosen one, and shows the requests.

import { bytes, clock, element, percent } from "./format.js";
import { insightsPlayer } from "./insights.js";
import { Refusal, checkLink, mediaUrl } from "./player.js";
import { watch } from "./traffic.js";

const at = (id) => document.getElementById(id);
const audio = at("audio");

/** `?plain` turns Twilio's Player off, which fetches and decodes every recording in full. */
const isPlain = new URLSearchParams(location.search).has("plain");

/** Twilio's Player, after it is loaded. */
let insights = null;

/** The chosen recording: its SID, its `url_provider`, and its metadata. */
let chosen = null;

async function json(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function showSession() {
  const { listeners, urlProvider } = await json("session");
  at("listener").append(...listeners.map(({ name, token }) => element("option", { value: token, textContent: name })));
  at("other").addEventListener("submit", (event) => {
    event.preventDefault();
    const sid = at("sid").value.trim();
    choose({ sid, urlProvider: urlProvider + encodeURIComponent(sid) });
  });
}

async function showRecordings() {
  const recordings = await json("recordings");
  at("recordings").replaceChildren(...recordings.map((recording) => element("li", {}, [card(recording)])));
  at("empty").hidden = recordings.length > 0;
}

function card(recording) {
  const { sid, message, storedBytes, durationS, channels } = recording;
  const details = [
    bytes(message?.plaintextBytes ?? storedBytes),
    channels && `${channels} ${channels === 1 ? "channel" : "channels"}`,
    message?.contentType?.toUpperCase(),
  ];
  const button = element("button", { type: "button", className: "recording", onclick: () => choose(recording) }, [
    element("span", { className: "length", textContent: durationS === null ? "Recording" : clock(durationS) }),
    element("span", { className: "details", textContent: details.filter(Boolean).join(" · ") }),
    element("span", { className: "sid", textContent: sid }),
    element("span", { className: "lock", textContent: message ? "Encrypted under your KMS key" : "Not stored by Recording Vault" }),
  ]);
  button.dataset.sid = sid;
  button.ariaPressed = sid === chosen?.sid;
  return button;
}

function choose(recording) {
  chosen = recording;
  for (const button of document.querySelectorAll(".recording")) button.ariaPressed = button.dataset.sid === recording.sid;
  at("player-title").textContent = recording.durationS ? `Recording of ${clock(recording.durationS)}` : "Recording";
  at("playing").textContent = recording.sid;
  showFacts(recording);
  fetched.clear();
  // On a narrow screen the player is below the list.
  at("player").scrollIntoView({ block: "nearest" });
  play(0);
}

function showFacts({ message, storedBytes, channels, bucketEncryption }) {
  const facts = message
    ? [
        ["Recording", `${message.contentType?.toUpperCase()}, ${bytes(message.plaintextBytes)}`],
        ["Channels", channels ?? "unknown"],
        ["In S3", `${bytes(storedBytes)}, ${bucketEncryption ?? "no bucket encryption"}`],
        ["Encryption", "AWS Encryption SDK message, AES-256-GCM with key commitment (suite 0x0478)", "wide"],
        ["KMS key", message.key, "wide key"],
      ]
    : [];
  const entry = ([name, value, className = ""]) =>
    element("div", { className }, [element("dt", { textContent: name }), element("dd", { textContent: value })]);
  at("facts").replaceChildren(...facts.map(entry));
  at("facts").hidden = facts.length === 0;
}

/** Requests a link and gives it to both players. The plain one starts, unless Twilio's is available. */
async function play(fromS) {
  const recording = chosen;
  at("message").hidden = true;
  insights?.clear();
  audio.removeAttribute("src");
  audio.load();
  try {
    const url = await mediaUrl(recording.urlProvider, at("listener").value);
    // Another recording may have been chosen in the meantime.
    if (recording !== chosen) return;
    audio.src = url;
    audio.currentTime = fromS;
    if (insights) insights.show(url, renew);
    else await audio.play();
  } catch (error) {
    // If <audio> cannot play the link, it fires an event of its own.
    if (error instanceof Refusal && recording === chosen) report(error.message);
  }
}

/** Gives Twilio's Player a new link to the same recording. The Player keeps its position. */
async function renew() {
  const recording = chosen;
  try {
    const url = await mediaUrl(recording.urlProvider, at("listener").value);
    if (recording === chosen) insights.show(url, renew);
  } catch (error) {
    if (error instanceof Refusal && recording === chosen) report(error.message);
  }
}

async function addInsightsPlayer() {
  try {
    insights = await insightsPlayer(at("insights"), { onError: () => report("The recording could not be played.") });
    if (chosen) play(0);
  } catch {
    at("insights-state").textContent = "Twilio’s Player is not installed: it needs npm, and Node.js on the path. The player below plays the same recording.";
  }
}

async function explain() {
  const [recording, url] = [chosen, audio.currentSrc];
  try {
    await checkLink(url);
    if (recording === chosen) report("Playback stopped. Try again to continue from the same position.");
  } catch (refusal) {
    if (recording === chosen) report(refusal.message);
  }
}

function report(text) {
  at("message-text").textContent = text;
  at("message").hidden = false;
}

/** The received parts of the recording, along its length. */
const fetched = {
  bytes: 0,

  clear() {
    this.bytes = 0;
    at("map").replaceChildren();
    at("map").ariaLabel = "Nothing has been fetched";
    at("legend").textContent = "The parts that the browser requests appear here.";
  },

  add(sid, { first, last, total }) {
    if (sid !== chosen?.sid) return;
    const part = element("span", {});
    part.style.insetInlineStart = `${(100 * first) / total}%`;
    part.style.inlineSize = `${(100 * (last + 1 - first)) / total}%`;
    at("map").append(part);
    this.bytes += last + 1 - first;
    const summary = `${bytes(this.bytes)} of ${bytes(total)} received, the last part at ${percent(first / total)}`;
    at("map").ariaLabel = summary;
    at("legend").textContent = summary;
  },
};

audio.addEventListener("error", () => audio.hasAttribute("src") && explain());
at("again").addEventListener("click", () => play(audio.currentTime));
at("listener").addEventListener("change", () => chosen && play(audio.currentTime));
at("refresh").addEventListener("click", showRecordings);

watch({ list: at("traffic"), totals: at("totals"), quiet: at("quiet"), onPart: (sid, part) => fetched.add(sid, part) });
if (isPlain) at("insights-state").textContent = "Twilio’s Player is turned off.";
else addInsightsPlayer();
await Promise.all([showSession(), showRecordings()]);
