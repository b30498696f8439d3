/** The song view: from a dropped file to corrected beats and downloads. */

import * as api from "./api.js";
import { ClickTrack } from "./clicks.js";
import { Desk } from "./desk.js";
import { element } from "./dom.js";
import { Editor } from "./editor.js";
import * as keys from "./keys.js";
import { clearError, say, showError, shown } from "./messages.js";
import { Player } from "./player.js";
import { Saver } from "./saver.js";
import { medianTempo } from "./tempo.js";
import { onThemeChange } from "./theme.js";

const ASK_EVERY = 250; // milliseconds between questions how far the server is

export class SongView {
  #info;
  #context = null;
  #id = null; // of the song that the server keeps for this page
  #song = null; // {player, clicks, editor, saver} of the song that is shown
  #opening = 0; // counts files: an answer that comes after a newer file is passed over
  #desk;

  /** info : the server's, with limits and formats. isActive : whether the view is shown. */
  constructor(info, isActive) {
    this.#info = info;
    this.#desk = new Desk(this);
    keys.listen(this.#desk.shortcuts, () => isActive() && this.#song !== null);
    this.#listenForFiles();
    onThemeChange(() => this.editor?.recolour());
    addEventListener("pagehide", () => this.#forget());
    const { upload_bytes: bytes, seconds } = info.limits;
    element("limits").textContent =
      `Up to ${bytes / 1e6} MB and ${seconds / 60} minutes. ` +
      "It stays on this server and is forgotten when you close the page.";
  }

  get editor() {
    return this.#song?.editor;
  }

  get player() {
    return this.#song?.player;
  }

  pause() {
    this.player?.pause();
  }

  setClicks(volume) {
    if (this.#song) this.#song.clicks.volume = volume;
  }

  async download(format) {
    await shown(async () => {
      say("making the file");
      await this.#song.saver.saved();
      const { blob, name } = await api.download(this.#id, format);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still read it
      say(`downloaded ${name}`);
    });
  }

  #listenForFiles() {
    const input = element("file");
    element("choose").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length) this.open(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    });
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      element("drop").classList.add("over");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) element("drop").classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      element("drop").classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      element("tab-song").click(); // a file may be dropped on the other view
      this.open(event.dataTransfer.files[0]);
    });
  }

  /** Upload a file, wait for its beats, show them. */
  async open(file) {
    clearError();
    const limit = this.#info.limits.upload_bytes;
    if (file.size > limit) {
      // a server that refuses so much closes the line, and its reason would be lost
      showError(`${file.name} is larger than ${limit / 1e6} MB; choose a smaller file.`);
      return;
    }
    this.#forget();
    const opening = (this.#opening += 1);
    const stale = () => opening !== this.#opening;
    try {
      await this.#track(file, stale);
    } catch (error) {
      if (stale()) return;
      this.#forget();
      showError(error.message);
    }
    if (!stale()) this.#showWork(null);
  }

  async #track(file, stale) {
    this.#showWork(`Sending ${file.name}`);
    const id = await api.upload(file);
    if (stale()) {
      api.forget(id);
      return;
    }
    this.#id = id;
    const song = await this.#finished(id, stale);
    if (song) await this.#show(song, stale);
  }

  /** The song when the server is done with it, null where a newer file has been opened. */
  async #finished(id, stale) {
    while (!stale()) {
      const song = await api.song(id);
      if (song.state === "failed") throw new Error(song.error);
      if (song.state === "done") return song;
      const words = song.state === "queued" ? "Waiting for other songs" : "Finding beats";
      if (!stale()) this.#showWork(words, song.progress);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
    }
    return null;
  }

  async #show({ id, name, result }, stale) {
    this.#showWork("Loading the sound");
    this.#context ??= new AudioContext();
    const buffer = await this.#context.decodeAudioData(await api.audio(id));
    if (stale()) return;
    element("editor").hidden = false; // before the waveform measures its width
    const player = new Player(this.#context, buffer);
    const saver = new Saver((beats) => api.saveBeats(id, beats));
    const clicks = new ClickTrack(player);
    const events = {
      selected: () => this.#desk.update(),
      corrected: (beats) => {
        clicks.beats = beats;
        this.#describe(beats);
        this.#desk.update();
        shown(() => saver.save(beats));
      },
    };
    const elements = { waveform: element("waveform"), canvas: element("lanes") };
    const editor = new Editor(elements, player, result, events);
    clicks.beats = result.beats;
    this.#song = { player, clicks, editor, saver };
    element("song-name").textContent = name;
    element("song-length").textContent = `${buffer.duration.toFixed(1)} s`;
    this.#describe(result.beats);
    this.#desk.show(this.#info.formats);
    element("stage").focus();
    say(`${name}: ${result.beats.length} beats found`);
  }

  #describe(beats) {
    const tempo = medianTempo(beats);
    element("song-tempo").textContent = tempo ? `${tempo.toFixed(1)} BPM` : "no tempo";
    element("song-count").textContent = `${beats.length} beats`;
  }

  #showWork(words, progress) {
    element("working").hidden = words === null;
    element("working-text").textContent = words ?? "";
    if (progress === undefined) element("working-bar").removeAttribute("value");
    else element("working-bar").value = progress;
  }

  /** Take the song away, here and on the server. */
  #forget() {
    if (this.#id !== null) api.forget(this.#id);
    this.#id = null;
    if (!this.#song) return;
    this.#song.player.close();
    this.#song.editor.close();
    this.#song = null;
    element("editor").hidden = true;
  }
}
