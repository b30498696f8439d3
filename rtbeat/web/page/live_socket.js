/** The WebSocket of a live session: samples and controls out, beats and status in. */

const LOST = "The connection to the server was lost. Is `rtbeat web` still running?";

export class LiveSocket {
  #socket;
  #closing = false;

  /**
   * start : the message that begins the session. handlers : `{ready, beat, status}`, called with
   * the server's messages, and `failed`, called once with the words for what ended the session.
   */
  constructor(start, handlers) {
    const url = new URL("api/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#send({ type: "start", ...start });
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "error") this.#fail(message.error, handlers);
      else handlers[message.type]?.(message);
    };
    this.#socket.onclose = ({ reason }) => this.#fail(reason || LOST, handlers);
  }

  /** Samples, Float32Array; the server counts them as stream time. */
  sendSamples(samples) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(samples);
  }

  /** at : stream time in seconds at which the control was meant, or null. */
  sendControl(name, value = null, at = null) {
    this.#send({ type: "control", name, value, at });
  }

  close() {
    this.#closing = true;
    this.#socket.close();
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #fail(words, handlers) {
    if (this.#closing) return;
    this.close();
    handlers.failed(words);
  }
}
