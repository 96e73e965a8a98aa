// Validates a Flex token with Twilio's own flex-sdk: node flex_sdk.cjs <node_modules> <base> <account> <token>
// Prints the result, or the refusal.
const [modules, base, account, token] = process.argv.slice(2);

// The SDK is for browsers; it reads its region from the window.
globalThis.window = {};
// Only the host is changed. Method, headers and body are from the SDK.
const { fetch } = globalThis;
globalThis.fetch = (url, options) => {
  const { protocol, host, pathname, search } = new URL(url);
  if (`${protocol}//${host}` !== "https://flex-api.twilio.com") throw new Error(`unexpected host: ${protocol}//${host}`);
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
