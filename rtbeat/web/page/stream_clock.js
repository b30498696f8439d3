/**
 * Ties stream time (the server's count of input samples, in seconds) to the page's clock. News of
 * a stream time can only come late, so the least delay seen is the nearest to the truth.
 */

const GIVE = 0.0005; // seconds a second: how fast two clocks may drift apart

export class StreamClock {
  #offset = null; // page clock minus stream time, seconds
  #seenAt = 0;

  get ready() {
    return this.#offset !== null;
  }

  /** streamTime has been reached at `now`, both in seconds; now as performance.now() / 1000. */
  observe(streamTime, now) {
    const offset = now - streamTime;
    const kept = this.ready ? this.#offset + GIVE * (now - this.#seenAt) : Infinity;
    this.#offset = Math.min(offset, kept);
    this.#seenAt = now;
  }

  /** When a stream time is, on the page's clock, in seconds. */
  pageTime(streamTime) {
    return streamTime + this.#offset;
  }

  /** Stream time of a moment on the page's clock, in seconds. */
  streamTime(now) {
    return now - this.#offset;
  }
}
