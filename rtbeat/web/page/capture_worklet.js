/** Runs on the audio thread: the microphone's samples, first channel, in blocks for the page. */

const BLOCK = 512; // samples; 128 at a time would cost the page more than it gains

class Capture extends AudioWorkletProcessor {
  #block = new Float32Array(BLOCK);
  #filled = 0;

  process([input]) {
    if (input.length) this.#take(input[0]);
    return true;
  }

  #take(samples) {
    this.#block.set(samples, this.#filled); // BLOCK is a multiple of what comes at a time
    this.#filled += samples.length;
    if (this.#filled < BLOCK) return;
    this.port.postMessage(this.#block, [this.#block.buffer]);
    this.#block = new Float32Array(BLOCK);
    this.#filled = 0;
  }
}

registerProcessor("capture", Capture);
