
(() => {
  const { byId, show, hide, search } = page;
  const svg = document.querySelector("svg.diagram");
  if (!svg) return;

  // What a tooltip says is taken from the picture's own titles, as text.
  const read = (element) => {
    const title = element.querySelector("title");
    const text = title.textContent;
    title.remove();
    return text;
  };
  const nodes = [...svg.querySelectorAll(".node")].map((element) => ({
    element,
    tip: read(element),
    card: byId(`node-${element.dataset.node}`),
    into: [],
    out: [],
  }));
  const edges = [...svg.querySelectorAll(".edge")].map((element) => {
    const edge = { element, tip: read(element), from: nodes[Number(element.dataset.from)], to: nodes[Number(element.dataset.to)] };
    edge.from.out.push(edge);
    edge.to.into.push(edge);
    return edge;
  });
  const text = new Map(nodes.map((node) => [node, node.card.textContent.toLowerCase()]));

  // All that leads to some nodes, and all that they lead to.
  const ways = (starts, sides = ["out", "into"]) => {
    const on = new Set(starts);
    for (const side of sides) {
      const end = side === "out" ? "to" : "from";
      const left = [...starts];
      const seen = new Set(starts);
      while (left.length) {
        for (const edge of left.pop()[side]) {
          on.add(edge);
          on.add(edge[end]);
          if (!seen.has(edge[end])) { seen.add(edge[end]); left.push(edge[end]); }
        }
      }
    }
    return on;
  };
  const light = (on) => {
    svg.classList.toggle("lit", on !== null);
    for (const thing of [...nodes, ...edges]) thing.element.classList.toggle("on", on !== null && on.has(thing));
  };

  let chosen = null;
  let found = null;
  const rest = () => light(chosen ? ways([chosen]) : found ? ways(found) : null);
  const choose = (node, edge) => {
    chosen = node === chosen && !edge ? null : node;
    document.querySelector("main").classList.toggle("chosen", chosen !== null);
    for (const one of nodes) one.card.classList.toggle("shown", one === chosen);
    for (const step of document.querySelectorAll(".step")) {
      const named = edge !== undefined && step.id === `edge-${edge.element.dataset.edge}`;
      step.classList.toggle("named", named);
      step.open = named || (edge === undefined && chosen !== null && chosen.out.length === 1);
    }
    rest();
  };

  const listen = (thing, on, pick) => {
    thing.element.addEventListener("mouseenter", () => { if (!chosen) light(on()); });
    thing.element.addEventListener("mousemove", (event) => show(thing.tip, event));
    thing.element.addEventListener("mouseleave", () => { hide(); rest(); });
    thing.element.addEventListener("click", (event) => { event.stopPropagation(); pick(); });
  };
  for (const node of nodes) {
    listen(node, () => ways([node]), () => choose(node));
    node.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(node); }
    });
  }
  for (const edge of edges) {
    listen(edge, () => {
      // What leads to its start, and what its end leads to.
      const on = ways([edge.from], ["into"]);
      for (const thing of ways([edge.to], ["out"])) on.add(thing);
      return on.add(edge);
    }, () => choose(edge.from, edge));
  }
  svg.addEventListener("click", () => choose(chosen));

  search.form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = nodes.filter((node) => words.every((word) => text.get(node).includes(word)));
    found = words.length ? hits : null;
    for (const node of nodes) node.element.classList.toggle("found", found !== null && found.includes(node));
    byId("count").textContent = found === null ? "" : `${found.length} of ${nodes.length}`;
    if (chosen) choose(chosen); else rest();
    if (found && found.length) found[0].element.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (chosen) choose(chosen); else { search.value = ""; search.dispatchEvent(new Event("input")); } }
  });

  const [width, height] = [svg.width.baseVal.value, svg.height.baseVal.value];
  let scale = 1;
  const zoom = (to) => {
    scale = Math.min(3, Math.max(0.2, to));
    svg.setAttribute("width", width * scale);
    svg.setAttribute("height", height * scale);
  };
  const stage = byId("stage");
  const fit = () => zoom(Math.min(1.25, stage.clientWidth / width));
  byId("smaller").addEventListener("click", () => zoom(scale / 1.2));
  byId("larger").addEventListener("click", () => zoom(scale * 1.2));
  byId("fit").addEventListener("click", fit);
  // Letters stay readable: what is wider than that is scrolled.
  if (stage.clientWidth / width > 0.62) fit();
})();
