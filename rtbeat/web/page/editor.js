/** Correcting beats: what each command does to the beats, the selection, undo and the picture. */

import * as edit from "./beats.js";
import { History } from "./history.js";
import { draw } from "./lanes.js";
import { listen } from "./pointer.js";
import { say } from "./messages.js";
import { Waveform } from "./waveform.js";

export class Editor {
  #canvas;
  #player;
  #result;
  #history;
  #preview = null; // beats while one is dragged
  #waveform;
  #events;
  #stopListening = new AbortController();
  #frame = 0;
  selected = -1;

  /**
   * elements : {waveform, canvas}. result : the server's, with beats, activation and frame_rate.
   * events : {corrected, selected}; corrected is called with the beats after each correction, undo
   * and redo, selected after another beat has been selected.
   */
  constructor(elements, player, result, events) {
    this.#canvas = elements.canvas;
    this.#player = player;
    this.#result = result;
    this.#history = new History(result.beats);
    this.#events = events;
    this.#waveform = new Waveform(elements.waveform, player, () => this.redraw());
    listen(this.#canvas, this, this.#stopListening.signal);
  }

  get beats() {
    return this.#preview ?? this.#history.value;
  }

  get view() {
    return this.#waveform.view;
  }

  get canUndo() {
    return this.#history.canUndo;
  }

  get canRedo() {
    return this.#history.canRedo;
  }

  close() {
    this.#stopListening.abort();
    cancelAnimationFrame(this.#frame);
    this.#waveform.destroy();
  }

  // --- where one is in the song

  seek(time) {
    this.#player.currentTime = time;
    this.#waveform.show(this.#player.currentTime);
    this.redraw();
  }

  select(index) {
    this.selected = index;
    this.#events.selected();
    this.redraw();
  }

  /** Select the next beat (step 1) or the one before (step -1), and go there. */
  step(step) {
    if (!this.beats.length) return;
    const from = this.selected >= 0 ? this.selected : this.#beatBeside(step);
    const index = Math.min(Math.max(from + step, 0), this.beats.length - 1);
    this.select(index);
    this.seek(this.beats[index].time);
    say(describe(this.beats[index]));
  }

  /** The beat from which one step leads past the cursor. */
  #beatBeside(step) {
    const after = edit.firstAt(this.beats, this.#player.currentTime);
    return step > 0 ? after - 1 : after;
  }

  // --- corrections

  preview(index, time) {
    this.#preview = edit.move(this.#history.value, index, time, this.#result.duration);
    this.redraw();
  }

  commit() {
    const beats = this.#preview;
    this.#preview = null;
    if (beats) this.#change(beats, `moved: ${describe(beats[this.selected])}`);
  }

  nudge(seconds) {
    if (this.selected < 0) return say("Select a beat first.");
    this.preview(this.selected, this.beats[this.selected].time + seconds);
    return this.commit();
  }

  add(time = this.#player.currentTime) {
    const beats = edit.add(this.beats, time, this.#result.duration);
    if (!beats) return say("There is a beat here already.");
    this.selected = edit.nearest(beats, time);
    return this.#change(beats, `added: ${describe(beats[this.selected])}`);
  }

  remove() {
    if (this.selected < 0) return say("Select a beat first.");
    const gone = this.beats[this.selected];
    const beats = edit.remove(this.beats, this.selected);
    this.selected = Math.min(this.selected, beats.length - 1);
    return this.#change(beats, `deleted: ${describe(gone)}`);
  }

  /** "This is one": the selected beat, else the one nearest to the cursor. */
  downbeat(onward = false) {
    const at = this.selected >= 0 ? this.selected : edit.nearest(this.beats, this.#player.currentTime);
    if (at < 0) return say("There is no beat.");
    const beats = edit.downbeatAt(this.beats, at, onward);
    return this.#change(beats, onward ? "bars counted from here on" : "bars counted from here");
  }

  double() {
    this.selected = -1;
    this.#change(edit.doubled(this.beats), "twice the beats");
  }

  halve() {
    this.selected = -1;
    this.#change(edit.halved(this.beats), "half the beats");
  }

  shift() {
    this.selected = -1;
    this.#change(edit.shifted(this.beats, this.#result.duration), "shifted by half a beat");
  }

  undo() {
    this.#history.undo();
    this.#changed("undone");
  }

  redo() {
    this.#history.redo();
    this.#changed("done again");
  }

  #change(beats, words) {
    this.#history.push(beats);
    this.#changed(words);
  }

  #changed(words) {
    this.selected = Math.min(this.selected, this.beats.length - 1);
    this.#events.corrected(this.beats);
    this.redraw();
    say(words);
  }

  // --- the picture

  zoomIn() {
    this.#waveform.zoomIn();
  }

  zoomOut() {
    this.#waveform.zoomOut();
  }

  scrollBy(pixels) {
    this.#waveform.scrollBy(pixels);
  }

  recolour() {
    this.#waveform.recolour();
    this.redraw();
  }

  /** Draw before the next frame, once for all that has changed until then. */
  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      draw(this.#canvas, {
        view: this.view,
        beats: this.beats,
        selected: this.selected,
        cursor: this.#player.currentTime,
        activation: this.#result.activation,
        frameRate: this.#result.frame_rate,
      });
    });
  }
}

/** A beat in words, for the line that screen readers speak. */
function describe(beat) {
  const number = beat.number ? `, ${beat.number} of the bar` : "";
  return `beat at ${beat.time.toFixed(3)} seconds${number}`;
}
