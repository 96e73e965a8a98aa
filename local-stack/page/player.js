// Requests a link as the Insights Player does, and explains in words why it was refused.

const REASONS = {
  token_required: "You aren’t signed in to Flex. Sign in, and try again.",
  token_not_valid: "Your Flex session has ended. Sign in to Flex again, and try once more.",
  token_not_checked: "Twilio could not verify who you are. Try again in a moment.",
  role_not_allowed: "You’re signed in, but your role may not listen to recordings. An administrator can change that.",
  recording_sid_not_valid: "This is not a RecordingSid, which is RE and 32 hexadecimal digits.",
  recording_not_found: "There’s no such recording. It may have been erased, or it has not been copied yet. Try again in half a minute.",
  link_not_valid: "This link is no longer valid, because links expire. Try again to get a new one.",
  archived: "This recording is archived. It must be restored before it can be played.",
  damaged: "The stored recording is damaged, so it is not played. Contact the operator of Recording Vault.",
  not_configured: "Playback is not set up yet. Contact the operator of Recording Vault.",
  unavailable: "The recording can’t be read right now. Try again in a moment.",
  unreachable: "The playback function can’t be reached. Check the connection, and try again.",
};

/** Why nothing plays. `message` is for the listener, and `code` is the answer's `error`. */
export class Refusal extends Error {
  constructor(code) {
    super(REASONS[code] ?? "The recording can’t be played.");
    this.code = code;
  }
}

/** Requests a link from `url_provider` with a Flex token. */
export async function mediaUrl(urlProvider, token) {
  const answer = await get(urlProvider, { Authorization: `Basic ${btoa(`token:${token}`)}` });
  return (await answer.json()).media_url;
}

/** Requests one byte of a link that `<audio>` could not play: `<audio>` hides the reason, which is in the answer's body. */
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
