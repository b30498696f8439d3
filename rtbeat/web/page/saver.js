/** Sends corrected beats to the server, one request at a time, the newest beats last. */
export class Saver {
  #send;
  #waiting = null;
  #running = null;

  /** send : async function of the beats; what it throws is thrown by `saved`. */
  constructor(send) {
    this.#send = send;
  }

  /** Beats to send; those that still wait are passed over. */
  save(beats) {
    this.#waiting = beats;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Resolves when the server has the newest beats. */
  async saved() {
    await this.#running;
    if (this.#waiting) await this.save(this.#waiting);
  }

  async #run() {
    try {
      while (this.#waiting) {
        const beats = this.#waiting;
        await this.#send(beats);
        if (this.#waiting === beats) this.#waiting = null;
      }
    } finally {
      this.#running = null;
    }
  }
}
