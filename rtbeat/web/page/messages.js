/** Words to the user: one line of news, spoken by screen readers, and errors that stay until read. */

const news = document.getElementById("news");
const alertBox = document.getElementById("alert");
const alertText = document.getElementById("alert-text");

document.getElementById("alert-close").addEventListener("click", clearError);

/** What just happened. */
export function say(words) {
  news.textContent = words;
}

/** What went wrong and what helps, in one sentence. */
export function showError(words) {
  alertText.textContent = words;
  alertBox.hidden = false;
}

export function clearError() {
  alertBox.hidden = true;
  alertText.textContent = "";
}

/** Runs `action`; what it throws is shown. Returns its value, undefined after an error. */
export async function shown(action) {
  try {
    return await action();
  } catch (error) {
    showError(error.message);
    return undefined;
  }
}
