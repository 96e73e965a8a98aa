// Twilio's own Insights Player, from npm, with a play button like the one in Flex UI.

import { element } from "./format.js";

/** One segment from the beginning of the recording to its end. The Player shades everything outside the segments. */
const SEGMENTS = [{ offset: 0, duration: Infinity }];

const SCRIPTS = ["react", "react-dom", "wavesurfer", "eventemitter3"];

/** Puts the Player into `place`. `onError` receives its errors. Rejects if the Player is not available. */
export async function insightsPlayer(place, { onError }) {
  for (const name of SCRIPTS) await load(name);
  const { Player } = await playerModule();
  const { createElement, createRef } = window.React;
  const [player, frame] = [createRef(), element("div", { className: "waveform" })];
  const button = element("button", { type: "button", onclick: toggle });
  let refresh;
  showState();
  place.replaceChildren(button, frame);

  function toggle() {
    const { isPlaying, play, pause } = player.current;
    (isPlaying() ? pause() : play()).catch(onError);
  }

  function showState() {
    button.textContent = player.current?.isPlaying() ? "Pause" : "Play";
    button.disabled = !player.current;
  }

  function render(recordingUrl) {
    const isNew = !player.current;
    const props = { recordingUrl, segments: SEGMENTS, options: colors(place), onReady: showState, onError };
    const view = createElement(Player, { ref: player, ...props });
    window.ReactDOM.render(view, frame);
    if (isNew) for (const event of ["play", "pause", "finish"]) player.current.on(event, showState);
    showState();
  }

  return {
    /** Shows the recording of a link. Calls `renew` after nine tenths of the link's lifetime, as Flex UI does. */
    show(url, renew) {
      clearTimeout(refresh);
      render(url);
      const lifeS = Number(new URL(url).searchParams.get("X-Amz-Expires"));
      if (lifeS > 0) refresh = setTimeout(renew, 900 * lifeS);
    },

    clear() {
      clearTimeout(refresh);
      window.ReactDOM.unmountComponentAtNode(frame);
      showState();
    },
  };
}

/** Adds a script that sets a global name. */
function load(name) {
  return new Promise((done, fail) => {
    document.head.append(element("script", { src: `insights-player/${name}.js`, onload: done, onerror: fail }));
  });
}

/** The Player is a CommonJS module. */
async function playerModule() {
  const answer = await fetch("insights-player/player.js");
  if (!answer.ok) throw new Error(await answer.text());
  const { React, ReactDOM, WaveSurfer, EventEmitter3 } = window;
  const modules = {
    react: React,
    "react-dom": ReactDOM,
    "wavesurfer.js": WaveSurfer,
    eventemitter3: { EventEmitter: EventEmitter3 },
    // Required but not used.
    debounce: null,
  };
  const exports = {};
  new Function("require", "exports", await answer.text())((name) => modules[name], exports);
  return exports;
}

/** The Player draws on a canvas, which the style sheet does not reach. */
function colors(place) {
  const of = (variable) => {
    const probe = place.appendChild(element("i", { style: `color: var(--${variable})` }));
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const [text, muted, accent] = [of("text"), of("muted"), of("accent")];
  return {
    backgroundColor: of("surface"),
    progressBackgroundColor: of("tint"),
    cursorColor: text,
    waveColor: accent,
    progressColor: accent,
    timeline: { primaryColor: muted, primaryFontColor: text, secondaryColor: muted, secondaryFontColor: muted },
  };
}
