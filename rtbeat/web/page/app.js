/** The page: two views behind two tabs, and what the server says of itself. */

import * as api from "./api.js";
import { element } from "./dom.js";
import { LiveView } from "./live.js";
import { shown } from "./messages.js";
import { SongView } from "./song.js";
import * as tabs from "./tabs.js";

let active = "song";

await shown(async () => {
  const info = await api.info();
  element("version").textContent = info.version;
  const song = new SongView(info, () => active === "song");
  const live = new LiveView(() => active === "live");
  tabs.listen([element("tab-song"), element("tab-live")], (panel) => {
    active = panel;
    if (panel === "song") live.stop();
    else song.pause();
  });
  await live.listSources(info.devices);
  document.body.dataset.ready = "yes";
});
