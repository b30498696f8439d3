/** A live session: where the sound comes from, the server's answers, and stream time. */

import { LiveSocket } from "./live_socket.js";
import { Microphone } from "./microphone.js";
import { StreamClock } from "./stream_clock.js";

const TEMPO_RANGE = [40, 240]; // BPM

export class LiveSession {
  #microphone;
  #socket = null;
  #clock = new StreamClock();
  #sent = 0; // samples

  /**
   * source : "browser", or {input} for the server's own device, null for its default one.
   * handlers : `{ready, beat, status, failed}`; a beat comes with `due`, its time on the page's
   * clock in seconds.
   */
  static async open(source, beatsPerBar, handlers) {
    const microphone = source === "browser" ? await Microphone.open() : null;
    return new LiveSession(source, microphone, beatsPerBar, handlers);
  }

  constructor(source, microphone, beatsPerBar, handlers) {
    this.#microphone = microphone;
    const from = microphone
      ? { source: "browser", sample_rate: microphone.sampleRate }
      : { source: "device", input: source.input };
    const start = { ...from, tempo_range: TEMPO_RANGE, beats_per_bar: beatsPerBar };
    this.#socket = new LiveSocket(start, {
      ready: () => this.#begin(handlers),
      beat: (beat) => handlers.beat({ ...beat, due: this.#clock.pageTime(beat.time) - this.#early }),
      status: (status) => {
        if (!microphone) this.#clock.observe(status.time, performance.now() / 1000);
        handlers.status(status);
      },
      failed: (words) => {
        microphone?.close();
        handlers.failed(words);
      },
    });
  }

  /** stamp : the time of the key press or click, as `event.timeStamp` has it. */
  control(name, value = null, stamp = performance.now()) {
    const at = this.#clock.ready ? this.#clock.streamTime(stamp / 1000) + this.#early : null;
    this.#socket.sendControl(name, value, at);
  }

  close() {
    this.#microphone?.close();
    this.#socket.close();
  }

  /** Seconds by which sound is older than the samples that it becomes. */
  get #early() {
    return this.#microphone?.latency ?? 0;
  }

  #begin(handlers) {
    handlers.ready();
    this.#microphone
      ?.start(
        (block) => this.#take(block),
        () => this.#end("The microphone is gone; plug it in and start again.", handlers),
      )
      .catch((error) => this.#end(error.message, handlers));
  }

  #take(block) {
    this.#socket.sendSamples(block);
    this.#sent += block.length;
    this.#clock.observe(this.#sent / this.#microphone.sampleRate, performance.now() / 1000);
  }

  #end(words, handlers) {
    this.close();
    handlers.failed(words);
  }
}
