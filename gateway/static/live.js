/* Keeps the part of a page that is on its way up to date. Without this script the page has a
   link that does the same. Nothing moves where nothing has changed, nor while nobody looks. */
(() => {
  "use strict";
  const live = document.getElementById("live");
  if (!live) return;

  const look = async () => {
    if (document.hidden || live.contains(document.activeElement)) return;
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh && fresh.innerHTML !== live.innerHTML) live.replaceChildren(...fresh.childNodes);
  };
  // A network that is away is no error of the page: the next look finds it again.
  setInterval(() => look().catch(() => {}), Number(live.dataset.every));
})();
