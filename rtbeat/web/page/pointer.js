/** Mouse, pen and finger on the beats: drag a beat, drag the view, click to go there. */

import { nearest } from "./beats.js";
import { toPixels, toTime } from "./lanes.js";

const REACH = { mouse: 6, pen: 8, touch: 18 }; // pixels around a beat
const STILL = 3; // pixels: a press that moves less is a click

/**
 * editor : {view, beats, select(index), preview(index, time), commit(), seek(time), add(time),
 * scrollBy(pixels), zoomIn(), zoomOut()}. signal : AbortSignal that ends the listening.
 */
export function listen(canvas, editor, signal) {
  let press = null; // {x, last, beat, moved}

  const x = (event) => event.clientX - canvas.getBoundingClientRect().left;

  function beatAt(event) {
    const { view, beats } = editor;
    const index = nearest(beats, toTime(x(event), view));
    if (index < 0) return -1;
    const distance = Math.abs(toPixels(beats[index].time, view) - x(event));
    return distance <= (REACH[event.pointerType] ?? REACH.mouse) ? index : -1;
  }

  const on = (name, action, options = {}) =>
    canvas.addEventListener(name, action, { ...options, signal });

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    press = { x: x(event), last: x(event), beat: beatAt(event), moved: false };
    editor.select(press.beat);
  });

  on("pointermove", (event) => {
    if (!press) {
      canvas.style.cursor = beatAt(event) >= 0 ? "ew-resize" : "crosshair";
      return;
    }
    press.moved ||= Math.abs(x(event) - press.x) > STILL;
    if (!press.moved) return;
    if (press.beat >= 0) editor.preview(press.beat, toTime(x(event), editor.view));
    else editor.scrollBy(press.last - x(event));
    press.last = x(event);
  });

  on("pointerup", () => {
    if (press?.moved && press.beat >= 0) editor.commit();
    if (press && !press.moved) {
      const { beats, view } = editor;
      editor.seek(press.beat >= 0 ? beats[press.beat].time : toTime(press.x, view));
    }
    press = null;
  });

  on("pointercancel", () => {
    if (press?.moved && press.beat >= 0) editor.commit();
    press = null;
  });

  on("dblclick", (event) => {
    if (beatAt(event) < 0) editor.add(toTime(x(event), editor.view));
  });

  on(
    "wheel",
    (event) => {
      if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return; // page scrolls
      event.preventDefault();
      if (!event.ctrlKey) editor.scrollBy(event.deltaX);
      else if (event.deltaY < 0) editor.zoomIn();
      else editor.zoomOut();
    },
    { passive: false },
  );
}
