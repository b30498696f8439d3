/** The server's HTTP interface. Its own words for what went wrong become the errors' messages. */

const GONE = "The server cannot be reached. Is `rtbeat web` still running?";

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(GONE);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Error(body.error ?? `The server answered ${response.status} to ${path}.`);
}

const json = async (path) => (await request(path)).json();
const songPath = (id, rest = "") => `api/songs/${encodeURIComponent(id)}${rest}`;

export const info = () => json("api/info");
export const devices = () => json("api/devices");
export const song = (id) => json(songPath(id));
const downloadPath = (id, format) => songPath(id, `/download/${encodeURIComponent(format)}`);

/** The id under which the server keeps the song. */
export async function upload(file) {
  const path = `api/songs?name=${encodeURIComponent(file.name)}`;
  return (await (await request(path, { method: "POST", body: file })).json()).id;
}

/** The decoded song as the server heard it: only there do its beats lie on the sound. */
export async function audio(id) {
  return (await request(songPath(id, "/audio"))).arrayBuffer();
}

export async function saveBeats(id, beats) {
  const body = JSON.stringify({ beats: beats.map(({ time, number }) => ({ time, number })) });
  const headers = { "Content-Type": "application/json" };
  await request(songPath(id, "/beats"), { method: "PUT", headers, body });
}

/** The song as a file of one format: `{blob, name}`. */
export async function download(id, format) {
  const response = await request(downloadPath(id, format));
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const name = /filename="([^"]+)"/.exec(disposition)?.[1] ?? format;
  return { blob: await response.blob(), name };
}

/** Forget a song; also while the page is closing, when nobody hears of an error any more. */
export function forget(id) {
  fetch(songPath(id), { method: "DELETE", keepalive: true }).catch(() => {});
}
