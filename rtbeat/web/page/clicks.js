/** Clicks on the beats of a song that plays, in step to the sample. */

import { firstAt } from "./beats.js";

// A timer only looks ahead; the audio clock says when. Timers of a hidden page fire once a second.
const LOOK_AHEAD = 1.5; // seconds
const LOOK_EVERY = 100; // milliseconds

// frequency in Hz, weight, seconds until 1/e: the "click" of rtbeat/click.py, with its accent
const PARTIALS = [
  [1600, 1, 0.004],
  [2500, 0.7, 0.003],
  [3400, 0.4, 0.002],
];
const ACCENT = 1.35;
const PLAIN_GAIN = 0.7;
const SECONDS = 0.02;

/** Samples of one click at full level, Float32Array; a downbeat's is higher and louder. */
export function clickSound(sampleRate, accent) {
  const samples = new Float32Array(Math.round(SECONDS * sampleRate));
  const factor = accent ? ACCENT : 1;
  for (const [frequency, weight, decay] of PARTIALS) {
    samples.forEach((_, i) => {
      const time = (i + 1) / sampleRate;
      const wave = Math.sin(2 * Math.PI * frequency * factor * time);
      samples[i] += weight * wave * Math.exp(-time / decay);
    });
  }
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return samples.map((sample) => (sample * (accent ? 1 : PLAIN_GAIN)) / peak);
}

/** Beats of `from <= time < to`. */
export function beatsBetween(beats, from, to) {
  return beats.slice(firstAt(beats, from), firstAt(beats, to));
}

export class ClickTrack {
  #player;
  #gain;
  #sounds;
  #beats = [];
  #scheduled = []; // {node, at}: audio nodes that may still be cancelled
  #until = 0; // clicks before this place in the song are scheduled
  #timer = null;

  /** player : a Player; its "play", "pause" and "seeking" events start, stop and move the clicks. */
  constructor(player) {
    const { context } = player;
    this.#player = player;
    this.#gain = context.createGain();
    this.#gain.connect(context.destination);
    this.#sounds = [false, true].map((accent) => {
      const samples = clickSound(context.sampleRate, accent);
      const buffer = context.createBuffer(1, samples.length, context.sampleRate);
      buffer.copyToChannel(samples, 0);
      return buffer;
    });
    player.addEventListener("play", () => this.#restart());
    player.addEventListener("seeking", () => this.#restart());
    player.addEventListener("pause", () => this.#stop());
  }

  /** Loudness 0..1; 0 is off. */
  set volume(value) {
    this.#gain.gain.value = value;
  }

  /** The beats from now on, also while the song plays. */
  set beats(beats) {
    this.#beats = beats;
    this.#restart();
  }

  #restart() {
    this.#stop();
    if (this.#player.paused) return;
    this.#until = this.#player.scheduledPosition;
    this.#timer = setInterval(() => this.#schedule(), LOOK_EVERY);
    this.#schedule();
  }

  #stop() {
    clearInterval(this.#timer);
    const now = this.#player.context.currentTime;
    for (const { node, at } of this.#scheduled) if (at > now) node.stop(); // one that sounds may end
    this.#scheduled = [];
  }

  #schedule() {
    const { context } = this.#player;
    const to = this.#player.scheduledPosition + LOOK_AHEAD;
    for (const beat of beatsBetween(this.#beats, this.#until, to)) {
      const node = context.createBufferSource();
      node.buffer = this.#sounds[beat.number === 1 ? 1 : 0];
      node.connect(this.#gain);
      const at = this.#player.contextTime(beat.time);
      node.start(at);
      this.#scheduled.push({ node, at });
    }
    this.#until = Math.max(this.#until, to);
    this.#scheduled = this.#scheduled.filter(({ at }) => at > context.currentTime);
  }
}
