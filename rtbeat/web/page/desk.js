/** Buttons, sliders and keys of the song view. */

import { element, enable, onClick } from "./dom.js";
import * as keys from "./keys.js";

const FINE = 0.001; // seconds
const COARSE = 0.01;

export class Desk {
  #view;

  /** view : the SongView that owns editor and player. */
  constructor(view) {
    this.#view = view;
    const editor = () => view.editor;
    onClick({
      play: () => this.#playOrPause(),
      "zoom-in": () => editor().zoomIn(),
      "zoom-out": () => editor().zoomOut(),
      undo: () => editor().undo(),
      redo: () => editor().redo(),
      add: () => editor().add(),
      delete: () => editor().remove(),
      one: () => editor().downbeat(),
      "one-onward": () => editor().downbeat(true),
      double: () => editor().double(),
      halve: () => editor().halve(),
      shift: () => editor().shift(),
    });
    for (const id of ["clicks-on", "clicks-volume", "song-volume"]) {
      element(id).addEventListener("input", () => this.#setVolumes());
    }
    keys.list(element("song-keys"), this.shortcuts);
  }

  get shortcuts() {
    const on = (shown, keyNames, does, run) => ({ shown, keys: keyNames, does, run });
    const editor = () => this.#view.editor;
    return [
      on("Space", [" "], "play, pause", () => this.#playOrPause()),
      on("← →", ["ArrowLeft", "ArrowRight"], "beat before, next beat", (event) =>
        editor().step(event.key === "ArrowRight" ? 1 : -1),
      ),
      on("Shift ← →", ["Shift+ArrowLeft", "Shift+ArrowRight"], "move the beat by 10 ms", (event) =>
        editor().nudge(event.key === "ArrowRight" ? COARSE : -COARSE),
      ),
      on(", .", [",", "."], "move the beat by 1 ms", (event) =>
        editor().nudge(event.key === "." ? FINE : -FINE),
      ),
      on("A", ["a"], "add a beat at the cursor", () => editor().add()),
      on("Delete", ["Delete", "Backspace"], "delete the beat", () => editor().remove()),
      on("1", ["1"], "this is the first beat of a bar", () => editor().downbeat()),
      on("Shift 1", ["Shift+Digit1"], "the same, for what follows", () => editor().downbeat(true)),
      on("D", ["d"], "twice the beats", () => editor().double()),
      on("H", ["h"], "half the beats", () => editor().halve()),
      on("S", ["s"], "shift by half a beat", () => editor().shift()),
      on("Ctrl Z", ["Ctrl+z"], "undo", () => editor().undo()),
      on("Ctrl Shift Z", ["Ctrl+Shift+z", "Ctrl+y"], "redo", () => editor().redo()),
      on("C", ["c"], "clicks on, off", () => element("clicks-on").click()),
      on("+ −", ["+", "=", "-"], "zoom", (event) =>
        event.key === "-" ? editor().zoomOut() : editor().zoomIn(),
      ),
      on("Home", ["Home"], "to the start", () => editor().seek(0)),
    ];
  }

  /** A song has come. formats : the server's list of what can be downloaded. */
  show(formats) {
    const { player } = this.#view;
    const tell = () => {
      element("position").textContent = clock(player.currentTime);
      element("play").textContent = player.paused ? "Play" : "Pause";
    };
    const watch = () => {
      if (this.#view.player !== player) return;
      tell();
      requestAnimationFrame(watch);
    };
    watch();
    this.#setVolumes();
    this.#listDownloads(formats);
    this.update();
  }

  /** What can be pressed now. */
  update() {
    const { editor } = this.#view;
    if (!editor) return;
    enable("undo", editor.canUndo);
    enable("redo", editor.canRedo);
    enable("delete", editor.selected >= 0);
  }

  #playOrPause() {
    const { player } = this.#view;
    if (player.paused) player.play();
    else player.pause();
  }

  #setVolumes() {
    const on = element("clicks-on").checked;
    this.#view.setClicks(on ? Number(element("clicks-volume").value) : 0);
    if (this.#view.player) this.#view.player.volume = Number(element("song-volume").value);
  }

  #listDownloads(formats) {
    const buttons = formats.map(({ name, suffix, label }) => {
      const button = document.createElement("button");
      button.textContent = label;
      button.title = `${name} (${suffix})`;
      button.dataset.format = name;
      button.addEventListener("click", () => this.#view.download(name));
      return button;
    });
    element("downloads").replaceChildren(...buttons);
  }
}

/** Seconds as minutes and seconds. */
function clock(seconds) {
  const tenths = Math.floor(seconds * 10) / 10; // not rounded: 59.97 is not 0:60.0
  return `${Math.floor(tenths / 60)}:${(tenths % 60).toFixed(1).padStart(4, "0")}`;
}
