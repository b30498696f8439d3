/** The big beat: its number and a flash when the beat sounds, though it was announced before. */

import { element } from "./dom.js";

const FLASH = 0.12; // seconds
const LATE = 0.1; // a beat that comes later than this is counted, not flashed

export class BeatDisplay {
  #due = []; // beats that are announced and have not sounded, in order
  #frame = 0;
  #darkAt = 0;
  #bar = 0; // highest number seen

  start() {
    this.#due = [];
    this.#setBar(0);
    this.#frame = requestAnimationFrame(() => this.#step());
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    element("beat").classList.remove("flash", "one");
    element("beat-number").textContent = "–";
    this.#setBar(0);
  }

  /** beat : {number, tempo, due}; due on the page's clock, in seconds. */
  announce(beat) {
    this.#due.push(beat);
  }

  /** Announced beats that have not sounded are no longer true. */
  forget() {
    this.#due = [];
    this.#setBar(0);
  }

  #step() {
    const now = performance.now() / 1000;
    while (this.#due.length && this.#due[0].due <= now) this.#show(this.#due.shift(), now);
    if (now >= this.#darkAt) element("beat").classList.remove("flash");
    this.#frame = requestAnimationFrame(() => this.#step());
  }

  #show(beat, now) {
    const circle = element("beat");
    circle.classList.toggle("one", beat.number === 1);
    circle.dataset.time = beat.time;
    element("beat-number").textContent = beat.number || "•";
    if (beat.number > this.#bar) this.#setBar(beat.number);
    [...element("dots").children].forEach((dot, i) =>
      dot.classList.toggle("on", i + 1 === beat.number),
    );
    if (now - beat.due > LATE) return; // after the page was hidden
    circle.classList.add("flash");
    this.#darkAt = beat.due + FLASH;
  }

  #setBar(beats) {
    this.#bar = beats;
    const dots = Array.from({ length: beats }, () => document.createElement("li"));
    element("dots").replaceChildren(...dots);
  }
}
