// A browser window from jsdom for Node.js, under the global names that Flex UI and its packages use.

let current;

// Names that Node.js does not have are read from the window, including those that Flex UI adds later.
const windows = { has: (_, name) => name in current, get: (_, name) => Reflect.get(current, name) };

/** Opens a window at Flex's address. Console lines of the page's scripts are added to `said`. */
function open({ JSDOM, VirtualConsole }, said) {
  const console = new VirtualConsole();
  console.on("warn", (text) => said.warned.push(String(text)));
  console.on("error", (text) => said.failed.push(String(text)));
  const { window } = new JSDOM("<!doctype html><body><div id='notifications'></div></body>", {
    url: "https://flex.twilio.com/",
    pretendToBeVisual: true,
    resources: "usable",
    runScripts: "dangerously",
    virtualConsole: console,
  });
  // Functions that jsdom does not have.
  Object.assign(window.HTMLMediaElement.prototype, { load() {}, pause() {}, play: async () => {} });
  window.matchMedia = () => ({ matches: false, addListener() {}, addEventListener() {} });

  if (!current) {
    Object.setPrototypeOf(globalThis, new Proxy(Object.getPrototypeOf(globalThis), windows));
  }
  current = window;
  for (const name of ["window", "self", "navigator"]) {
    Object.defineProperty(globalThis, name, { configurable: true, value: window[name], writable: true });
  }
  return window;
}

module.exports = { open };
