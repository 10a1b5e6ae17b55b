
(() => {
  const { byId, show, hide, search } = page;
  const svg = document.querySelector("svg.map");
  if (!svg) return;
  const data = JSON.parse(byId("data").textContent);
  const main = document.querySelector("main");
  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const drawn = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // What there is: places with their ways, and things that show ways (lines, bundles, hubs).
  const places = data.places.map(([label, caption, region, facts]) => ({
    label, caption, facts, region: data.regions[region] ?? "", ways: [],
    text: [label, caption, data.regions[region] ?? "", ...facts].join("\n").toLowerCase(),
  }));
  const full = (place) => place.region ? `${place.region}/${place.label}` : place.label;
  const ways = data.ways.map(([from, to, label, state, facts]) => {
    const way = { from: places[from], to: places[to], label: data.labels[label], state, facts: data.facts[facts] };
    way.from.ways.push(way);
    if (way.to !== way.from) way.to.ways.push(way);
    return way;
  });
  // Tooltips are ours.
  for (const title of svg.querySelectorAll("title")) title.remove();
  const things = [];
  const thing = (element, told, list) => {
    const one = { element, told, ways: list.map((at) => ways[at]) };
    things.push(one);
    return one;
  };
  const tell = (way) => `${full(way.from)} → ${full(way.to)}: ${way.label}`;
  const count = (list) => `${list.length} ${list.length === 1 ? "way" : "ways"}`;
  for (const element of svg.querySelectorAll(".way[data-line]")) {
    const one = thing(element, "", data.lines[element.dataset.line]);
    one.told = one.ways.map(tell).join("\n");
    for (const way of one.ways) way.line = one;
  }
  const zone = ([region, place]) => region === null ? full(places[place]) : data.regions[region];
  for (const element of svg.querySelectorAll("[data-bundle]")) {
    const [from, to, list] = data.bundles[element.dataset.bundle];
    const told = from[0] === to[0] && from[1] === to[1] ? `${zone(from)}: ${list.length} ways within` : `${zone(from)} → ${zone(to)}: ${list.length} ways`;
    const one = thing(element, told, list);
    one.told = [told, ...one.ways.map(tell)].join("\n");
  }
  const hubs = data.hubs.map(([told, list]) => ({ told, ways: list.map((at) => ways[at]), elements: [] }));
  for (const element of document.querySelectorAll("[data-hub]")) {
    const hub = hubs[element.dataset.hub];
    hub.elements.push(element);
    things.push({ element, told: hub.told, ways: hub.ways, isHub: true });
  }
  for (const element of svg.querySelectorAll(".place")) {
    const place = places[element.dataset.place];
    const box = element.querySelector(".box");
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => box[name].baseVal.value);
    Object.assign(place, { element, box: { x, y, width, height } });
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", `${full(place)}, ${place.caption}, ${count(place.ways)}`);
  }

  // Ways that no line shows are drawn while they are looked at.
  const extra = drawn("g", { class: "extra" });
  svg.querySelector(".places").before(extra);
  const kinds = ["open", "added", "removed", "broken"];
  const carries = (label) => {
    const words = new Set(label.split(/[^A-Za-z0-9]+/));
    const named = ["TCP", "UDP", "SCTP", "ICMP", "all"].filter((word) => words.has(word));
    return named.length === 1 ? { TCP: "tcp", UDP: "udp", all: "all" }[named[0]] ?? "other" : "other";
  };
  const curve = ({ from: { box: a }, to: { box: b } }) => {
    const out = b.x + b.width > a.x, into = b.x >= a.x + a.width;
    const x1 = out ? a.x + a.width : a.x, x2 = into ? b.x : b.x + b.width;
    const [y1, y2] = [a.y + a.height / 2, b.y + b.height / 2];
    const tip = into ? x2 - 6 : x2 + 6;
    const [c1, c2] = out === into ? [(x1 + tip) / 2, (x1 + tip) / 2] : [Math.max(x1, tip) + 40, Math.max(x1, tip) + 40];
    return [`M${x1} ${y1}C${c1} ${y1} ${c2} ${y2} ${tip} ${y2}`, `M${x2} ${y2}l${into ? -8 : 8} -4v8z`];
  };
  const light = (on) => {
    svg.classList.toggle("lit", on !== null);
    extra.replaceChildren();
    for (const place of places) place.element.classList.toggle("on", on !== null && on.places.has(place));
    for (const one of things) {
      one.element.classList.toggle("on", on !== null && (one.isHub ? on.hub === one.ways : one.ways.some((way) => on.ways.has(way))));
    }
    if (on === null) return;
    // So many at once would hide more than they show.
    const hidden = [...on.ways].filter((way) => !way.line && way.from !== way.to);
    for (const way of hidden.length > (on.hub ? 60 : 400) ? [] : hidden) {
      const [line, head] = curve(way);
      const group = drawn("g", { class: `way on ${carries(way.label)} ${kinds[way.state]}` });
      group.append(drawn("path", { class: "line", d: line }), drawn("path", { class: "head", d: head }));
      extra.append(group);
    }
  };
  const around = (list, own = []) => {
    const on = { places: new Set(own), ways: new Set(list) };
    for (const way of list) on.places.add(way.from).add(way.to);
    return on;
  };
  const of = (one) => ({ ...around(one.ways, one.element && one.box ? [one] : []), hub: one.isHub ? one.ways : null });

  // The panel: all about what is chosen.
  const panel = byId("details");
  const link = (place) => {
    const button = make("button", full(place), "link");
    button.type = "button";
    button.addEventListener("click", () => { choose(place); place.element.focus({ preventScroll: true }); bring([place]); });
    return button;
  };
  const byLabel = (list, other) => {
    const groups = new Map();
    for (const way of list) {
      const key = `${way.state} ${way.label}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(way);
    }
    return [...groups.values()].map((group) => {
      const [{ label, state }] = group;
      const item = make("section", undefined, `sort ${carries(label)} ${kinds[state]}`);
      item.append(make("h4", state ? `${label}: ${data.states[state]}` : label));
      const names = make("p");
      for (const way of group.slice(0, 400)) names.append(link(way[other]), " ");
      if (group.length > 400) names.append(`and ${group.length - 400} more`);
      item.append(names);
      return item;
    });
  };
  const describe = (one) => {
    panel.replaceChildren();
    const close = make("button", "×", "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => choose(null));
    panel.append(close);
    if (one.box) {
      panel.append(make("h2", one.label), make("p", one.region ? `${one.caption} in ${one.region}` : one.caption, "caption"));
      if (one.facts.length) {
        const facts = make("ul", undefined, "facts");
        facts.append(...one.facts.map((fact) => make("li", fact)));
        panel.append(facts);
      }
      for (const [title, list, other] of [
        ["May receive from", one.ways.filter((way) => way.to === one && way.from !== one), "from"],
        ["May send to", one.ways.filter((way) => way.from === one && way.to !== one), "to"],
      ]) {
        panel.append(make("h3", list.length ? `${title} ${list.length}` : `${title} nobody`), ...byLabel(list, other));
      }
      return;
    }
    panel.append(make("h2", one.isHub || one.ways.length > 1 ? one.told.split("\n")[0] : "A way"));
    if (one.isHub) {
      for (const [title, end] of [["Each of", "from"], ["may send to each of", "to"]]) {
        const ends = new Set(one.ways.map((way) => way[end]));
        const names = make("p", undefined, "ends");
        for (const place of ends) names.append(link(place), " ");
        panel.append(make("h3", `${title} ${ends.size}`), names);
      }
      return;
    }
    if (one.ways.length === 1) panel.append(make("p", one.told));
    const list = make("ul", undefined, "facts");
    for (const way of one.ways.slice(0, 500)) {
      if (one.ways.length > 1) list.append(make("li", tell(way)));
      if (one.ways.length <= 3) for (const fact of way.facts) list.append(make("li", fact));
    }
    if (one.ways.length > 500) list.append(make("li", `and ${one.ways.length - 500} more`));
    panel.append(list);
    const ends = make("p");
    if (one.ways.length <= 3) for (const place of around(one.ways).places) ends.append(link(place), " ");
    panel.append(ends);
  };

  let chosen = null;
  let found = null;
  const rest = () => light(chosen ? of(chosen) : found ? { places: new Set(found), ways: new Set() } : null);
  const choose = (one) => {
    chosen = one === chosen ? null : one;
    main.classList.toggle("chosen", chosen !== null);
    for (const place of places) place.element.setAttribute("aria-pressed", String(place === chosen));
    if (chosen) describe(chosen);
    rest();
    try { history.replaceState(null, "", chosen && chosen.box ? `#${encodeURIComponent(full(chosen))}` : "#"); } catch { /* a sandboxed frame */ }
  };

  let moved = false;
  const listen = (one, words) => {
    one.element.addEventListener("mouseenter", () => { if (!chosen) light(of(one)); });
    one.element.addEventListener("mousemove", (event) => show(words(), event));
    one.element.addEventListener("mouseleave", () => { hide(); if (!chosen) rest(); });
    one.element.addEventListener("click", (event) => { event.stopPropagation(); if (!moved) choose(one); });
  };
  for (const place of places) {
    const [into, out] = [place.ways.filter((way) => way.to === place).length, place.ways.filter((way) => way.from === place).length];
    listen(place, () => [`${full(place)}: ${place.caption}`, `may receive from ${into}, may send to ${out}`, ...place.facts].join("\n"));
    place.element.addEventListener("focus", () => { if (!chosen && place.element.matches(":focus-visible")) light(of(place)); });
    place.element.addEventListener("blur", () => { if (!chosen) rest(); });
    place.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(place); return; }
      const side = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!side) return;
      event.preventDefault();
      // The nearest that way; what is aside counts double.
      const off = (other) => {
        const [x, y] = [other.box.x - place.box.x, other.box.y - place.box.y];
        const ahead = x * side[0] + y * side[1];
        return ahead > 4 ? ahead + 2 * Math.abs(x * side[1] + y * side[0]) : Infinity;
      };
      const next = places.reduce((best, other) => (off(other) < off(best) ? other : best), place);
      next.element.focus({ preventScroll: true });
      bring([next], true);
    });
  }
  for (const one of things) listen(one, () => one.told);
  svg.addEventListener("click", () => { if (!moved && chosen) choose(null); });

  search.form.addEventListener("submit", (event) => { event.preventDefault(); if (found && found.length) bring(found); });
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length ? places.filter((place) => words.every((word) => place.text.includes(word))) : null;
    for (const place of places) place.element.classList.toggle("found", found !== null && found.includes(place));
    byId("count").textContent = found === null ? "" : `${found.length} of ${places.length}`;
    if (chosen) choose(null); else rest();
  });

  // From afar names are larger and captions are left out: letters grow as far as there is room.
  const words = (query, most, room) => [...svg.querySelectorAll(query)].map((element) => {
    const size = parseFloat(getComputedStyle(element).fontSize);
    return { element, size, most, room: room(element) / Math.max(1, element.getComputedTextLength()) };
  });
  const grown = [
    ...words(".label", 1.7, () => data.room),
    ...words(".name", 2, (element) => element.parentNode.querySelector(".ground").width.baseVal.value - 36),
  ];
  let step = 0;
  const grow = () => {
    const scale = svg.clientWidth / view.width;
    const next = scale > 0.7 ? 0 : Math.round(Math.min(2, 0.8 / scale) * 8);
    if (next === step) return;
    step = next;
    svg.classList.toggle("far", step > 0);
    for (const { element, size, most, room } of grown) {
      element.style.fontSize = step ? `${size * Math.max(1, Math.min(step / 8, most, room))}px` : "";
    }
  };

  // What of the map is seen.
  const whole = svg.viewBox.baseVal;
  const [left, top, width, height] = [whole.x, whole.y, whole.width, whole.height];
  let view = { x: left, y: top, width, height };
  const look = (next) => {
    const scale = Math.min(Math.max(next.width, 240), width * 2) / next.width;
    view = { ...next, width: next.width * scale, height: next.height * scale };
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    grow();
  };
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  const point = (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [at.x, at.y];
  };
  const center = () => chosen && chosen.box
    ? [chosen.box.x + chosen.box.width / 2, chosen.box.y + chosen.box.height / 2]
    : [view.x + view.width / 2, view.y + view.height / 2];
  const zoom = (by, [x, y] = center()) => {
    const next = Math.min(Math.max(view.width * by, 240), width * 2) / view.width;
    look({ x: x - (x - view.x) * next, y: y - (y - view.y) * next, width: view.width * next, height: view.height * next });
  };
  // Small maps are not blown up.
  const fit = () => {
    const more = Math.max(1, svg.clientWidth / width / 1.25 * Math.min(1, (svg.clientHeight / height) / (svg.clientWidth / width)));
    look({ x: left - (width * more - width) / 2, y: top - (height * more - height) / 2, width: width * more, height: height * more });
  };
  const bring = (list, only) => {
    const edge = { x: Math.min(...list.map(({ box }) => box.x)), y: Math.min(...list.map(({ box }) => box.y)) };
    const far = { x: Math.max(...list.map(({ box }) => box.x + box.width)), y: Math.max(...list.map(({ box }) => box.y + box.height)) };
    const inside = edge.x >= view.x && edge.y >= view.y && far.x <= view.x + view.width && far.y <= view.y + view.height;
    if (inside && (only || view.width < width * 0.7)) return;
    const wide = Math.max(far.x - edge.x + 160, (far.y - edge.y + 160) * (svg.clientWidth / svg.clientHeight), only ? view.width : 900);
    const high = wide * svg.clientHeight / svg.clientWidth;
    look({ x: (edge.x + far.x - wide) / 2, y: (edge.y + far.y - high) / 2, width: wide, height: high });
  };
  byId("smaller").addEventListener("click", () => zoom(1.25));
  byId("larger").addEventListener("click", () => zoom(0.8));
  byId("fit").addEventListener("click", fit);
  svg.addEventListener("wheel", (event) => { event.preventDefault(); zoom(1.0015 ** event.deltaY, point(event)); }, { passive: false });
  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    moved = false;
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, view: { ...view }, scale: 1 / svg.getScreenCTM().a };
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!moved && Math.hypot(x, y) < 5) return;
    moved = true;
    svg.classList.add("dragged");
    look({ ...drag.view, x: drag.view.x - x * drag.scale, y: drag.view.y - y * drag.scale });
  });
  addEventListener("pointerup", () => { drag = null; svg.classList.remove("dragged"); });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (chosen) choose(null); else { search.value = ""; search.dispatchEvent(new Event("input")); } }
    if (document.activeElement === search || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") zoom(0.8);
    if (event.key === "-") zoom(1.25);
    if (event.key === "0") fit();
  });
  fit();
  let named = "";
  try { named = decodeURIComponent(location.hash.slice(1)); } catch { /* no name */ }
  const first = named && places.find((place) => full(place) === named);
  if (first) { choose(first); bring([first], true); }
})();
