// Makes pages live, writes times in the reader's zone, and sorts whole tables. Every view works without it.
"use strict";
(() => {
  const every = (what, within = document) => [...within.querySelectorAll(what)];
  const asOf = document.querySelector("time[data-age]");
  const body = document.body;

  // How old the figures are: the age that the server knew plus the time since. The reader's clock is not used.
  let age = asOf ? Number(asOf.dataset.age) : 0;
  let since = performance.now();
  const showAge = () => {
    const seconds = Math.round(age + (performance.now() - since) / 1000);
    const minutes = Math.floor(seconds / 60);
    asOf.textContent = seconds < 60 ? `${seconds} s ago` : minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
    asOf.parentElement.classList.toggle("late", seconds >= 60);
  };
  if (asOf) setInterval(showAge, 1000);

  // Times, in the words that the server uses.
  const zoneOfReader = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = document.querySelector("[data-zone]");
  const written = (at, how) => new Intl.DateTimeFormat("en-GB", { ...how, timeZone: zoneOfReader }).format(at);
  const dayNumber = at => {
    const [day, month, year] = written(at, { day: "2-digit", month: "2-digit", year: "numeric" }).split("/");
    return Date.UTC(year, month - 1, day) / 86400000;
  };
  if (zone && asOf && zoneOfReader && zoneOfReader !== zone.textContent) {
    const now = new Date(asOf.dataset.now);
    for (const time of every("time[data-as]")) {
      const at = new Date(time.dateTime);
      const near = { 0: "today", 1: "tomorrow", "-1": "yesterday" }[dayNumber(at) - dayNumber(now)];
      const year = at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
      const day = near || written(at, { weekday: "short", day: "numeric", month: "short", ...year }).replace(",", "").replace("Sept", "Sep");
      time.textContent = time.dataset.as === "date" ? day : `${day}, ${written(at, { hour: "2-digit", minute: "2-digit" })}`;
    }
    zone.textContent = zoneOfReader;
  }

  // Whole tables are sorted here; of a list that has further pages, the server decides the order.
  const valueOf = cell => {
    const text = cell.textContent.trim();
    if (text === "–") return -1;
    const number = parseFloat(text.replace(/,/g, ""));
    return Number.isNaN(number) ? text : number;
  };
  const compare = (one, other) => (typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other)));
  const sort = (table, head, place) => {
    const direction = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    every("[aria-sort]", table).forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].filter(row => !row.classList.contains("total"));
    rows.sort((one, other) => direction * compare(valueOf(one.cells[place]), valueOf(other.cells[place])));
    table.tBodies[0].prepend(...rows);
  };
  for (const table of every("table[data-sort]")) {
    every("thead th", table).forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, head.cellIndex));
      head.append(button);
    });
  }

  // Live: single figures change in place. A list never moves under the reader: a line offers what is new.
  let revision = body.dataset.live;
  if (!revision || !window.EventSource) return;
  const offer = words => {
    if (document.querySelector(".news")) return;
    const line = document.createElement("p");
    const link = document.createElement("a");
    line.className = "news";
    line.setAttribute("role", "status");
    link.href = location.href;
    link.textContent = "Show";
    line.append(words, link);
    document.querySelector("main").append(line);
  };
  const change = (name, text) => {
    const place = document.querySelector(`[data-figure="${CSS.escape(name)}"]`);
    const figure = place && (place.querySelector("a, .none") || place);
    if (!figure || figure.textContent === text) return false;
    if (!place.querySelector("a") || text === "–") return true; // a link appears or goes: only a reload can show it
    figure.textContent = text;
    place.classList.add("changed");
    setTimeout(() => place.classList.remove("changed"), 1500);
    return false;
  };
  const show = event => {
    const news = JSON.parse(event.data);
    if (news.age !== null) { age = news.age; since = performance.now(); }
    const needsReload = Object.entries(news.figures).map(([name, text]) => change(name, text)).some(Boolean);
    if (!news.revision || news.revision === revision) return;
    revision = news.revision;
    if (needsReload || body.dataset.list) offer("There is something new.");
  };
  // Only a page that is seen holds a connection: browsers allow few for each site.
  let source = null;
  const connect = () => {
    if (source) source.close();
    source = document.hidden ? null : new EventSource("/live");
    if (source) source.addEventListener("figures", show);
  };
  document.addEventListener("visibilitychange", connect);
  addEventListener("pagehide", () => source && source.close());
  connect();
})();
