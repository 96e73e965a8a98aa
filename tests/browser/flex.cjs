// Flex UI as Twilio publishes it, in a page. It opens a conversation like the Insights view of a supervisor, with Flex
// UI's own code: the request to `url_provider`, the renewal of links, the Player with its button and its menu, the list
// of a segment's recordings, and the notifications. Only the data of Twilio's servers is made up: the user, and the
// recordings of a segment.

const { loadFlex } = require("../flex/internals.cjs");
const { Flex, modules, own } = loadFlex(() => require("@twilio/flex-ui"));

const { waveform } = require("./waveform.cjs");
const { createElement } = require("react");
const { render, unmountComponentAtNode } = require("react-dom");

/** The recordings of each segment, as Insights keeps them from the links in a task's attributes. */
const segments = new Map();

/** The segments of the conversation that each segment belongs to, in order. */
const conversations = new Map();

/** The texts that Flex has shown to the supervisor in its notification bar, in order. */
const notifications = [];

/** Starts Flex's manager. */
function startFlex(token) {
  const history = { location: { pathname: "/", search: "" }, listen() {}, push() {}, replace() {}, createHref: () => "" };
  const Manager = own("Manager");
  const manager = new Manager({}, own("configureFlexStore")({ history }));
  manager._serviceConfiguration = { account_sid: "AC00000000000000000000000000000001" };
  manager.strings = Flex.languages.default;
  Manager._instance = manager;
  logIn(manager, token);

  const InsightsService = own("InsightsService");
  const insights = new InsightsService(manager);
  insights.isLoggedIn = true;
  insights.identityClient.decodedInsightsToken = { allow: { player: { view: ["player"], export: ["recording"] } } };
  insights.identityClient.axios = { get: async (url) => ({ data: answerOfInsights(url) }) };
  InsightsService.instance = insights;

  const bar = document.body.appendChild(document.createElement("header"));
  new MutationObserver(() => bar.innerText && notifications.at(-1) !== bar.innerText && notifications.push(bar.innerText)).observe(bar, { childList: true, subtree: true });
  render(createElement(Flex.ContextProvider, { manager }, createElement(Flex.NotificationBar)), bar);
  return manager;
}

function logIn({ store }, token) {
  const tokenPayload = { identity: "supervisor", roles: ["supervisor"], token };
  store.dispatch({ type: "FLEX_ACTION_TOKEN_UPDATED", payload: { tokenPayload } });
}

/** The two answers of the Insights API about a segment. */
function answerOfInsights(url) {
  const id = url.split(/[/=]/).at(-1);
  if (url.includes("/conversation?")) {
    const ids = conversations.get(id);
    const segment = ids.map((segment_id, at) => ({ segment_id, talk_time: null, offset: null, order: at + 1 }));
    return { conversation_id: ids[0], segment_count: ids.length, _embedded: { segment } };
  }
  const urlProviders = segments.get(id);
  return {
    metadata: { segment_id: id, media: urlProviders.map((url) => ({ recording_sid: url.slice(-34) })) },
    _links: {
      content: urlProviders.map((url, at) => ({ type: "VoiceRecording", title: `Recording ${at + 1}`, url_secure: url })),
      peaks: {},
    },
  };
}

let manager = null;

/**
 * Opens a conversation for the holder of `token` at its first segment, in addition to those that are open. The segment's
 * recordings are requested at `urlProviders`, in this order, and those of further segments at each of `otherSegments`.
 * Returns its element.
 */
async function openConversation({ token, urlProviders, otherSegments = [] }) {
  manager ??= startFlex(token);
  logIn(manager, token);
  const { store } = manager;
  const segmentIds = [urlProviders, ...otherSegments].map((recordings) => {
    const id = `segment-${segments.size + 1}`;
    segments.set(id, recordings);
    return id;
  });
  for (const id of segmentIds) conversations.set(id, segmentIds);
  const [segmentId] = segmentIds;
  store.dispatch({ type: "FLEX_ACTION_UPDATE_CURRENT_SEGMENT_ID", payload: segmentId });
  await own("ConversationsService").getInstance().fetchSegment(segmentId);
  // Two modules have a `Player`. The one with access to the store belongs to the conversation.
  const { Player } = modules.find((module) => module.Player?.render);
  const list = urlProviders.length > 1 && createElement(own("MediaSelectDropdown"), { horizontal: true });
  const player = createElement(Player, { key: "player", segmentId, sticky: true, onSegmentMarkClick() {} });
  const view = document.body.appendChild(document.createElement("main"));
  render(createElement(Flex.ContextProvider, { manager }, list, player), view);
  return view;
}

function closeConversations() {
  for (const view of document.querySelectorAll("main")) {
    unmountComponentAtNode(view);
    view.remove();
  }
  own("InAppNotificationHandler").getActiveNotifications().forEach((one) => Flex.Notifications.dismissNotification(one));
  notifications.length = 0;
}

window.flex = { openConversation, closeConversations, waveform, notifications };
