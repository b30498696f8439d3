/**
 * What lies over and under the waveform: beats with their numbers, the activation (how sure the
 * network is of a beat in each frame), the tempo curve, the cursor. One canvas for the visible part.
 */

import { firstAt } from "./beats.js";
import { tempoCurve, tempoRange } from "./tempo.js";
import { colours } from "./theme.js";

/** Top and height of each lane in pixels; the style sheet's `.stage` is as high as all of them. */
export const LANES = {
  numbers: { top: 0, height: 22 },
  wave: { top: 22, height: 150 },
  activation: { top: 180, height: 46 },
  tempo: { top: 234, height: 56 },
};
export const HEIGHT = 290;

const NUMBER_ROOM = 16; // pixels: numbers are no closer; downbeats' come first
const BEAT_ROOM = 5; // pixels: where beats are closer, only downbeats are drawn
const UNSURE = 0.5; // beats less sure are drawn fainter

/** A place in the song as pixels from the left of the view. */
export function toPixels(time, view) {
  return ((time - view.start) / view.seconds) * view.width;
}

/** The place in the song of pixels from the left of the view. */
export function toTime(pixels, view) {
  return view.start + (pixels / view.width) * view.seconds;
}

/**
 * state : {view, beats, selected (index or -1), cursor (seconds), activation (array 0..1),
 * frameRate (frames a second)}
 */
export function draw(canvas, state) {
  const ratio = window.devicePixelRatio || 1;
  const { width } = state.view;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(HEIGHT * ratio)) canvas.height = Math.round(HEIGHT * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, HEIGHT);
  pen.font = "11px system-ui, sans-serif";
  const palette = colours();
  drawActivation(pen, state, palette);
  drawTempo(pen, state, palette);
  drawBeats(pen, state, palette);
  drawCursor(pen, state, palette);
  drawTitles(pen, palette);
}

function visible(beats, view) {
  const from = Math.max(0, firstAt(beats, view.start) - 1);
  const to = firstAt(beats, view.start + view.seconds) + 1;
  return { from, to: Math.min(to, beats.length) };
}

function drawBeats(pen, { beats, selected, view }, palette) {
  const { from, to } = visible(beats, view);
  const room = view.width / Math.max(1, to - from);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  let written = -Infinity; // where the last number is
  for (let i = from; i < to; i += 1) {
    const { number, time, confidence } = beats[i];
    const one = number === 1;
    const chosen = i === selected;
    if (room < BEAT_ROOM && number > 1 && !chosen) continue;
    const x = Math.round(toPixels(time, view)) + 0.5;
    pen.globalAlpha = (confidence ?? 1) < UNSURE && !chosen ? 0.45 : 1;
    pen.fillStyle = pen.strokeStyle = one ? palette.downbeat : palette.beat;
    pen.lineWidth = chosen ? 3 : one ? 1.75 : 1;
    line(pen, x, LANES.wave.top, x, LANES.wave.top + LANES.wave.height);
    line(pen, x, LANES.activation.top, x, LANES.activation.top + LANES.activation.height);
    if (number && (one || room > NUMBER_ROOM) && x - written > NUMBER_ROOM) {
      pen.fillText(number, x, LANES.numbers.height / 2);
      written = x;
    }
    if (chosen) pen.strokeRect(x - 8, 3, 16, 16);
  }
  pen.globalAlpha = 1;
}

function drawActivation(pen, { activation, frameRate, view }, palette) {
  const { top, height } = LANES.activation;
  const bottom = top + height;
  pen.fillStyle = palette.accent;
  pen.beginPath();
  pen.moveTo(0, bottom);
  const perPixel = (view.seconds / view.width) * frameRate;
  for (let x = 0; x <= view.width; x += 1) {
    const value = highest(activation, toTime(x, view) * frameRate, perPixel);
    pen.lineTo(x, bottom - value * height);
  }
  pen.lineTo(view.width, bottom);
  pen.fill();
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  line(pen, 0, bottom + 0.5, view.width, bottom + 0.5);
}

/** The most in `span` frames from `start` on, so that no peak is lost; between frames, a line. */
function highest(activation, start, span) {
  const at = (frame) => activation[frame] ?? 0;
  const first = Math.floor(start);
  let value = at(first) + (start - first) * (at(first + 1) - at(first));
  for (let i = first + 1; i < start + span; i += 1) value = Math.max(value, at(i));
  return value;
}

function drawTempo(pen, { beats, view }, palette) {
  const { top, height } = LANES.tempo;
  const curve = tempoCurve(beats);
  const { low, high } = tempoRange(curve);
  const y = (tempo) => top + height - ((tempo - low) / (high - low)) * height;
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  curve.forEach(({ time, tempo }, i) => {
    const x = toPixels(time, view);
    if (i) pen.lineTo(x, y(tempo));
    else pen.moveTo(x, y(tempo));
  });
  pen.stroke();
  pen.fillStyle = palette.muted;
  pen.textAlign = "right";
  pen.textBaseline = "top";
  if (curve.length) pen.fillText(`${Math.round(high)} BPM`, view.width - 4, top);
  pen.textBaseline = "bottom";
  if (curve.length) pen.fillText(`${Math.round(low)} BPM`, view.width - 4, top + height);
}

function drawCursor(pen, { cursor, view }, palette) {
  const x = Math.round(toPixels(cursor, view)) + 0.5;
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1.5;
  line(pen, x, 0, x, HEIGHT);
}

function drawTitles(pen, palette) {
  pen.fillStyle = palette.muted;
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.fillText("activation", 4, LANES.activation.top);
  pen.fillText("tempo", 4, LANES.tempo.top);
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
