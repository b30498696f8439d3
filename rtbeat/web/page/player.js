/**
 * Plays a decoded song on an AudioContext, with the face of an HTMLMediaElement as wavesurfer
 * expects it. A media element's position is only known to some milliseconds; here song and clicks
 * are scheduled on one clock and keep step to the sample.
 */

const START_DELAY = 0.03; // seconds: what is scheduled for now would be cut

export class Player extends EventTarget {
  #node = null;
  #gain;
  #position = 0; // where playing starts, in seconds of the song
  #startedAt = 0; // context time at which `#position` is put out

  // what else wavesurfer asks of a media element
  src = "";
  currentSrc = "";
  seeking = false;
  muted = false;
  playbackRate = 1;

  constructor(context, buffer) {
    super();
    this.context = context;
    this.buffer = buffer;
    this.#gain = context.createGain();
    this.#gain.connect(context.destination);
  }

  get duration() {
    return this.buffer.duration;
  }

  get paused() {
    return this.#node === null;
  }

  get ended() {
    return this.paused && this.#position >= this.duration;
  }

  get volume() {
    return this.#gain.gain.value;
  }

  set volume(value) {
    this.#gain.gain.value = value;
    this.dispatchEvent(new Event("volumechange"));
  }

  /** What is put out now, in seconds of the song. */
  get scheduledPosition() {
    if (this.paused) return this.#position;
    return this.#position + Math.max(0, this.context.currentTime - this.#startedAt);
  }

  /** What is heard now: what was put out some time ago. */
  get currentTime() {
    if (this.paused) return this.#position;
    const heard = this.scheduledPosition - (this.context.outputLatency || 0);
    return Math.min(Math.max(heard, this.#position), this.duration);
  }

  set currentTime(time) {
    const position = Math.min(Math.max(time, 0), this.duration);
    if (this.paused) this.#position = position;
    else this.#start(position);
    this.dispatchEvent(new Event("seeking"));
    this.dispatchEvent(new Event("timeupdate"));
  }

  /** Context time at which a place of the song is put out; only while playing. */
  contextTime(position) {
    return this.#startedAt + position - this.#position;
  }

  async play() {
    if (!this.paused) return;
    await this.context.resume(); // browsers let sound begin only after a key or a click
    if (!this.paused) return;
    this.#start(this.ended ? 0 : this.#position);
    this.dispatchEvent(new Event("play"));
  }

  pause() {
    if (this.paused) return;
    const position = this.currentTime;
    this.#halt();
    this.#position = position;
    this.dispatchEvent(new Event("pause"));
  }

  /** The end: silent, and its memory free. */
  close() {
    this.pause();
    this.#gain.disconnect();
    this.buffer = null;
  }

  canPlayType() {
    return "probably";
  }

  removeAttribute() {} // wavesurfer takes "src" away; there is none

  #start(position) {
    this.#halt();
    const node = this.context.createBufferSource();
    node.buffer = this.buffer;
    node.connect(this.#gain);
    node.onended = () => this.#finish();
    this.#position = position;
    this.#startedAt = this.context.currentTime + START_DELAY;
    node.start(this.#startedAt, position);
    this.#node = node;
  }

  #halt() {
    if (!this.#node) return;
    this.#node.onended = null;
    this.#node.stop();
    this.#node.disconnect();
    this.#node = null;
  }

  #finish() {
    this.#halt();
    this.#position = this.duration;
    this.dispatchEvent(new Event("pause"));
    this.dispatchEvent(new Event("ended"));
  }
}
