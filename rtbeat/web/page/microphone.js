/** The browser's microphone as blocks of samples, untouched by what is meant for speech. */

const AUDIO = {
  channelCount: 1,
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
};

const WORKLET = new URL("capture_worklet.js", import.meta.url);

const REASONS = {
  NotAllowedError: "The browser may not use the microphone; allow it in the address bar.",
  NotFoundError: "No microphone was found; plug one in or choose another source.",
  NotReadableError: "The microphone is in use by another program; close that one.",
};

export class Microphone {
  #context;
  #stream;

  /** Opens the microphone. Throws an Error in plain words where that cannot be. */
  static async open() {
    if (!navigator.mediaDevices) {
      // browsers keep the microphone from pages of other machines that come without encryption
      throw new Error("The browser gives a microphone only to https pages and to this machine's own.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: AUDIO });
    } catch (error) {
      throw new Error(REASONS[error.name] ?? `The microphone cannot be opened: ${error.message}`);
    }
    const microphone = new Microphone(stream);
    try {
      await microphone.#context.audioWorklet.addModule(WORKLET);
    } catch {
      microphone.close();
      throw new Error("A part of the page cannot be loaded; is `rtbeat web` still running?");
    }
    return microphone;
  }

  constructor(stream) {
    this.#stream = stream;
    this.#context = new AudioContext({ latencyHint: "interactive" });
  }

  /** Samples a second. */
  get sampleRate() {
    return this.#context.sampleRate;
  }

  /** Seconds from sound to samples, as far as the browser tells. */
  get latency() {
    return this.#stream.getAudioTracks()[0].getSettings().latency ?? 0;
  }

  /** onBlock : called with each block, Float32Array. onEnd : called when the microphone is gone. */
  async start(onBlock, onEnd) {
    const capture = new AudioWorkletNode(this.#context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => onBlock(data);
    this.#context.createMediaStreamSource(this.#stream).connect(capture);
    this.#stream.getAudioTracks()[0].addEventListener("ended", onEnd);
    await this.#context.resume();
  }

  close() {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context.close();
  }
}
