// Asking for a link as the Insights Player does, and saying in words why there is none.

const REASONS = {
  token_required: "You aren’t signed in to Flex. Sign in, and try again.",
  token_not_valid: "Your Flex session has ended. Sign in to Flex again, and try once more.",
  token_not_checked: "Twilio couldn’t be asked who you are. Try again in a moment.",
  role_not_allowed: "You’re signed in, but your role may not listen to recordings. An administrator can change that.",
  recording_sid_not_valid: "That isn’t a recording: a RecordingSid is RE and 32 hexadecimal digits.",
  recording_not_found: "There’s no such recording. It may have been erased, or its copy isn’t done yet: try again in half a minute.",
  link_not_valid: "This link doesn’t play any more; links expire. Try again to get a new one.",
  archived: "This recording is in the archive, and has to be restored before it plays.",
  damaged: "What is stored isn’t what was recorded, so none of it is played. Tell whoever runs the vault.",
  not_configured: "Playback isn’t set up yet. Tell whoever runs the vault.",
  unavailable: "The recording can’t be read right now. Try again in a moment.",
  unreachable: "The playback function can’t be reached. Check the connection, and try again.",
};

/** Why nothing plays. `message` is for whoever listens, `code` is the answer's `error`. */
export class Refusal extends Error {
  constructor(code) {
    super(REASONS[code] ?? "The recording can’t be played.");
    this.code = code;
  }
}

/** The link that `url_provider` gives to the holder of a Flex token. */
export async function mediaUrl(urlProvider, token) {
  const answer = await get(urlProvider, { Authorization: `Basic ${btoa(`token:${token}`)}` });
  return (await answer.json()).media_url;
}

/** Asks for one byte of what `<audio>` couldn't play: it hides the reason, an answer's body has it. */
export async function checkLink(url) {
  await get(url, { Range: "bytes=0-0" });
}

async function get(url, headers) {
  let answer;
  try {
    answer = await fetch(url, { headers, cache: "no-store" });
  } catch {
    throw new Refusal("unreachable");
  }
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({}));
    throw new Refusal(error);
  }
  return answer;
}
