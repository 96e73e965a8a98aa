// Has Twilio's own flex-sdk validate a Flex token: node flex_sdk.cjs <node_modules> <base> <account> <token>
// Prints what it makes of the answer, or of the refusal.
const [modules, base, account, token] = process.argv.slice(2);

// The SDK is for browsers; it reads its region from the window.
globalThis.window = {};
// The one change: the host. Method, headers and body are the SDK's.
const { fetch } = globalThis;
globalThis.fetch = (url, options) => {
  const { protocol, host, pathname, search } = new URL(url);
  if (`${protocol}//${host}` !== "https://flex-api.twilio.com") throw new Error(`asked ${protocol}//${host}`);
  return fetch(base + pathname + search, options);
};

const { validateToken } = require(`${modules}/@twilio/flex-sdk`);
validateToken(account, token).then(
  (data) => end({ data }),
  (error) => end({ error: String(error.message) }),
);

function end(outcome) {
  process.stdout.write(JSON.stringify(outcome), () => process.exit(0));
}
