// Twilio's own Flex UI, as published. The test replaces only its network peers.

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const vm = require("node:vm");

const { loadFlex } = require("./internals.cjs");
const { EVER, serve } = require("./twilio.cjs");
const { open } = require("./window.cjs");

const TOKEN = "token";

class FlexUi {
  /** @param {string} modules the folder `node_modules` with `@twilio/flex-ui` */
  constructor(modules) {
    this.require = createRequire(`${modules}/`);
    this.file = this.require.resolve("@twilio/flex-ui");
    const wrapped = `(function (module, exports, require) {${readFileSync(this.file, "utf8")}\n})`;
    this.script = new vm.Script(wrapped, { filename: this.file });
  }

  /**
   * Signs an agent in as Flex does: configuration, TaskRouter, plugins. Then the agent accepts the waiting task.
   *
   * `job` has the answer of Flex's Configuration API, `roles`, the task, the reservation's SID, and optionally the
   * plugin's script. Returns the requests to TaskRouter, the plugins' states, the notifications on the page, and the
   * console's lines.
   */
  async accept({ configuration, roles, plugin, ...job }) {
    const said = { warned: [], failed: [] };
    const window = open(this.require("jsdom"), said);
    const { Flex, own } = loadFlex(() => {
      const module = { exports: {} };
      this.script.runInThisContext()(module, module.exports, createRequire(this.file));
      return module.exports;
    });

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
    own("TokenManager").getActiveTokenPayload = async () => tokenPayload;
    const store = own("configureFlexStore")({});
    store.dispatch({ type: "FLEX_ACTION_TOKEN_UPDATED", payload: { tokenPayload } });

    const Manager = Object.getPrototypeOf(Flex.Manager);
    const manager = new Manager({}, store);
    manager.updateConfig(await manager.fetchConfiguration(), {
      pluginService: { enabled: Boolean(plugin), url: twilio.pluginService },
      sdkOptions: { worker: twilio.worker },
    });
    Manager._instance = manager;
    Manager.createProxiedInstance();

    own("WorkerActions").registerActions();
    await own("FlexClientManager").initTaskRouterSDK(TOKEN);
    own("setTwilioInWindow")();
    await own("loadPlugins")(Flex, Flex.Manager.getInstance());
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
