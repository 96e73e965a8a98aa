// Twilio's own Flex UI, as published: only what it talks to over the network is answered by the test.

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const vm = require("node:vm");

const { EVER, serve } = require("./twilio.cjs");
const { open } = require("./window.cjs");

/** Where the bundle starts its first module, and what gives the tests the modules that it doesn't export. */
const START = "i(87425)})()";
const OPEN = "(self.flexRequire=i),(self.flexModules=n)," + START;

const TOKEN = "token";

class FlexUi {
  /** @param {string} modules the folder `node_modules` with `@twilio/flex-ui` */
  constructor(modules) {
    this.require = createRequire(`${modules}/`);
    this.file = this.require.resolve("@twilio/flex-ui");
    const bundle = readFileSync(this.file, "utf8");
    if (!bundle.includes(START)) {
      throw new Error("this Flex UI starts otherwise than the one that this harness was written for");
    }
    const wrapped = `(function (module, exports, require) {${bundle.replace(START, OPEN)}\n})`;
    this.script = new vm.Script(wrapped, { filename: this.file });
  }

  /**
   * Signs an agent in, as Flex does: configuration, TaskRouter, plugins. Then the agent accepts the task that waits.
   *
   * `job` has the answer of Flex's Configuration API, `roles`, the task and the reservation's SID, and maybe the plugin's
   * script. What is answered is what TaskRouter was sent, the plugins' states, what the page shows as notifications, and
   * what stands on its console.
   */
  async accept({ configuration, roles, plugin, ...job }) {
    const said = { warned: [], failed: [] };
    const window = open(this.require("jsdom"), said);
    const module = { exports: {} };
    this.script.runInThisContext()(module, module.exports, createRequire(this.file));
    const Flex = module.exports;
    const internal = (name) => {
      const defines = new RegExp(`\\bt\\.${name}=`);
      const isIt = ([, code]) => defines.test(Function.prototype.toString.call(code));
      return window.flexRequire(Object.entries(window.flexModules).find(isIt)[0])[name];
    };

    const twilio = await serve({
      ...job,
      configuration,
      roles,
      WebSocketServer: this.require("ws").WebSocketServer,
      files: (path, port) => {
        const src = `http://127.0.0.1:${port}/plugin.js`;
        return { "/plugins": JSON.stringify([{ name: "plugin", version: "0.0.1", src, phase: 3 }]), "/plugin.js": plugin }[path];
      },
    });

    const tokenPayload = { token: TOKEN, identity: "agent", roles, permissions: [], expiration: EVER };
    internal("TokenManager").getActiveTokenPayload = async () => tokenPayload;
    const store = internal("configureFlexStore")({});
    store.dispatch({ type: "FLEX_ACTION_TOKEN_UPDATED", payload: { tokenPayload } });

    const Manager = Object.getPrototypeOf(Flex.Manager);
    const manager = new Manager({}, store);
    manager.updateConfig(await manager.fetchConfiguration(), {
      pluginService: { enabled: Boolean(plugin), url: twilio.pluginService },
      sdkOptions: { worker: twilio.worker },
    });
    Manager._instance = manager;
    Manager.createProxiedInstance();

    internal("WorkerActions").registerActions();
    await internal("FlexClientManager").initTaskRouterSDK(TOKEN);
    internal("setTwilioInWindow")();
    await internal("loadPlugins")(Flex, Flex.Manager.getInstance());
    await Flex.Actions.invokeAction("AcceptTask", { sid: job.reservationSid });

    return {
      posted: twilio.posted,
      plugins: Flex.Plugins.plugins.map(({ state }) => state),
      notifications: this.#shown(window, Flex, manager),
      console: said,
    };
  }

  /** The texts in Flex's notification bar, as React draws it. */
  #shown(window, Flex, manager) {
    const React = this.require("react");
    const bar = React.createElement(Flex.ContextProvider, { manager }, React.createElement(Flex.NotificationBar));
    const element = window.document.getElementById("notifications");
    this.require("react-dom").render(bar, element);
    return element.textContent;
  }
}

module.exports = { FlexUi };
