/** Keys of the two views: one table each, from which both the keyboard and the list are made. */

/**
 * A shortcut : {keys (as `chord` names them), shown (for the list), does (for the list), run}.
 * `run` is called with the event, while `isActive()` is true.
 */
export function listen(shortcuts, isActive) {
  const actions = new Map(shortcuts.flatMap(({ keys, run }) => keys.map((key) => [key, run])));
  document.addEventListener("keydown", (event) => {
    const run = actions.get(chord(event));
    if (!run || !isActive() || belongsToElement(event)) return;
    event.preventDefault();
    run(event);
  });
}

/** Rows of `table` for the shortcuts. */
export function list(table, shortcuts) {
  for (const { shown, does } of shortcuts) {
    const row = table.insertRow();
    const key = document.createElement("kbd");
    key.textContent = shown;
    row.insertCell().append(key);
    row.insertCell().textContent = does;
  }
}

/** "Ctrl+z", "Shift+ArrowLeft", "1", "Shift+Digit1": digits by their place, as Shift changes them. */
function chord(event) {
  const digit = event.shiftKey && event.code.startsWith("Digit");
  const key = digit ? event.code : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const command = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const named = key.length > 1 || command || /[a-z]/.test(key);
  return `${command}${event.shiftKey && named ? "Shift+" : ""}${key}`;
}

/** Whether the element with the focus needs the key itself. */
function belongsToElement(event) {
  if (event.target.closest("input, select, textarea")) return true;
  return (event.key === " " || event.key === "Enter") && event.target.closest("button, a, summary");
}
