/** The live view: start and stop, the display, the controls. */

import * as api from "./api.js";
import { BeatDisplay } from "./beat_display.js";
import { element } from "./dom.js";
import * as keys from "./keys.js";
import { LiveSession } from "./live_session.js";
import { clearError, say, showError, shown } from "./messages.js";

const NUDGE = 0.005; // seconds

const WORDS = {
  LISTENING: "listening",
  LOCKED: "locked",
  COASTING: "coasting: going on without the sound",
  LOST: "lost: waiting for a beat",
};

export class LiveView {
  #display = new BeatDisplay();
  #session = null;
  #starting = false;
  #status = {};
  #state = "";

  /** isActive : whether the view is shown. */
  constructor(isActive) {
    element("start").addEventListener("click", () => this.#toggle());
    keys.listen(this.#controls, () => isActive() && this.#session !== null);
    keys.list(element("live-keys"), this.#controls);
    element("controls").replaceChildren(...this.#controls.map(controlButton));
    addEventListener("pagehide", () => this.stop());
    this.#showRunning(false);
  }

  /** Fill the list of sources. withDevices : whether the server has audio devices of its own. */
  async listSources(withDevices) {
    const sources = [["browser", "this browser's microphone"]];
    if (withDevices) {
      sources.push(["default", "the server's standard input"]);
      const { inputs } = (await shown(() => api.devices())) ?? { inputs: [] };
      for (const { name } of inputs) sources.push([`device ${name}`, name]);
    }
    element("source").replaceChildren(...sources.map(([value, text]) => new Option(text, value)));
  }

  stop() {
    if (!this.#session) return;
    this.#session.close();
    this.#ended("stopped");
  }

  /** Buttons and keys at once; the place of `run`'s event in time tells when it was meant. */
  get #controls() {
    const on = (shownKey, keyNames, label, does, run) =>
      ({ shown: shownKey, keys: keyNames, label, does, run });
    const send = (name, value) => (event) => this.#control(name, value, event);
    const toggle = (on, off, isOn) => (event) => this.#control(isOn() ? off : on, null, event);
    const isLocked = () => this.#status.tempo_locked;
    return [
      on("Space", [" "], "Tap", "tap the beat", send("tap")),
      on("1", ["1"], "This is one", "this is the first beat of a bar", send("downbeat")),
      on("D", ["d"], "× 2", "twice the tempo", send("double")),
      on("H", ["h"], "÷ 2", "half the tempo", send("halve")),
      on("S", ["s"], "Shift ½ beat", "shift by half a beat", send("shift", 0.5)),
      on("←", ["ArrowLeft"], "Earlier", "beats 5 ms earlier", send("nudge", -NUDGE)),
      on("→", ["ArrowRight"], "Later", "beats 5 ms later", send("nudge", NUDGE)),
      on("L", ["l"], "Lock tempo", "keep this tempo, or free it",
        toggle("lock_tempo", "unlock_tempo", isLocked)),
      on("O", ["o"], "Hold", "go on unheard, or follow again",
        toggle("hold", "release", () => this.#status.held)),
      on("R", ["r"], "Reset", "forget everything heard", send("reset")),
    ];
  }

  async #toggle() {
    if (this.#session) {
      this.stop();
      return;
    }
    if (this.#starting) return;
    this.#starting = true;
    clearError();
    say("opening");
    await shown(() => this.#start());
    this.#starting = false;
  }

  async #start() {
    const chosen = element("source").value;
    const device = chosen === "default" ? null : chosen.slice("device ".length);
    const source = chosen === "browser" ? "browser" : { input: device };
    const beatsPerBar = Number(element("beats-per-bar").value) || null;
    this.#session = await LiveSession.open(source, beatsPerBar, {
      ready: () => say("listening"),
      beat: (beat) => this.#display.announce(beat),
      status: (status) => this.#showStatus(status),
      failed: (words) => {
        this.#ended("stopped");
        showError(words);
      },
    });
    this.#display.start();
    this.#showRunning(true);
    element("display").focus(); // so that the space bar taps and does not press Stop
  }

  #control(name, value, event) {
    if (!this.#session || event.repeat) return;
    this.#session.control(name, value, event.timeStamp);
    if (name === "reset") this.#display.forget();
    say(`${name.replace("_", " ")} sent`);
  }

  #showStatus(status) {
    this.#status = status;
    const { state, tempo, confidence, level_db: level } = status;
    element("live-tempo").textContent = tempo ? tempo.toFixed(1) : "–";
    element("live-confidence").value = confidence;
    element("live-level").value = level;
    press("lock_tempo", status.tempo_locked);
    press("hold", status.held);
    if (state === this.#state) return;
    this.#state = state;
    element("live-state").textContent = WORDS[state] ?? state;
    element("display").dataset.state = state;
    say(WORDS[state] ?? state);
  }

  #ended(words) {
    this.#session = null;
    this.#status = {};
    this.#state = "";
    this.#display.stop();
    this.#showRunning(false);
    say(words);
  }

  #showRunning(running) {
    element("start").textContent = running ? "Stop" : "Start";
    element("source").disabled = element("beats-per-bar").disabled = running;
    for (const button of element("controls").children) {
      button.setAttribute("aria-disabled", String(!running));
    }
    if (running) return;
    element("display").dataset.state = "OFF";
    element("live-state").textContent = "off";
    element("live-tempo").textContent = "–";
    element("live-confidence").value = 0;
    element("live-level").value = -60;
    press("lock_tempo", false);
    press("hold", false);
  }
}

function controlButton({ label, does, run, keys: [key] }) {
  const button = document.createElement("button");
  button.textContent = label;
  button.title = does;
  button.dataset.key = key;
  // a tap counts from when the finger comes down; "click" comes when it is lifted, and from keys
  let down = false;
  button.addEventListener("mousedown", (event) => event.preventDefault()); // space goes on tapping
  button.addEventListener("pointerdown", (event) => {
    down = true;
    run(event);
  });
  button.addEventListener("click", (event) => {
    if (!down) run(event);
    down = false;
  });
  return button;
}

function press(name, pressed) {
  const key = { lock_tempo: "l", hold: "o" }[name];
  const button = element("controls").querySelector(`[data-key="${key}"]`);
  button?.setAttribute("aria-pressed", String(Boolean(pressed)));
}
