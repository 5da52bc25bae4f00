// Reads the values of all plots over time at the point that the reader points to. It needs nothing
// but the drawings: their paths, and the ranges of their axes.
(() => {
  const SIDE = 10000;
  const plots = [...document.querySelectorAll("#over-time .plot")].map((figure) => {
    const svg = figure.querySelector("svg.chart");
    const paths = [...svg.querySelectorAll(".data > path:not(.dots)")].map(points);
    const entries = [...figure.querySelectorAll(".legend li")].map((entry) => ({
      label: entry.textContent.trim(),
      class: entry.querySelector(".line, .bars").getAttribute("class"),
    }));
    return { svg, paths, entries, data: svg.dataset, room: figure.querySelector(".room") };
  });

  // A path as a function from x to y (both in units of the drawing), or null where it has nothing.
  function points(path) {
    const parts = [...path.getAttribute("d").matchAll(/([MLHVz])([\d. -]*)/g)].map(([, letter, numbers]) => [letter, ...numbers.trim().split(/\s+/).map(Number)]);
    if (path.classList.contains("bars")) {
      const bars = [];
      for (const [letter, a, b] of parts) {
        if (letter === "M") bars.push({ left: a, base: b });
        else if (letter === "H") bars.at(-1).right = a;
        else if (letter === "V") bars.at(-1).top ??= a;
      }
      return (x) => { const bar = bars.find(({ left, right }) => x >= left && x < right); return bar ? SIDE - bar.base + bar.top : null; };
    }
    const steps = parts.some(([letter]) => letter === "H");
    const known = [];
    let x = 0;
    for (const [letter, a, b] of parts) {
      if (letter === "H") x = a;
      else if (letter === "V") known.push([x, a]);
      else if (letter !== "z") { x = a; known.push([a, b]); }
    }
    const near = known.length > 1 ? (1.5 * SIDE) / known.length : SIDE;
    return (at) => {
      const last = known.findLast(([x]) => x <= at);
      if (steps) return last ? last[1] : null;
      const next = known.find(([x]) => x > at);
      const best = [last, next].filter(Boolean).sort((a, b) => Math.abs(a[0] - at) - Math.abs(b[0] - at))[0];
      return best && Math.abs(best[0] - at) <= near ? best[1] : null;
    };
  }

  function text(y, { low, high, unit, names }) {
    if (y === null) return "–";
    const value = +low + (1 - y / SIDE) * (high - low);
    if (names) return names.split(",")[Math.round(value)] ?? "–";
    return `${+value.toPrecision(3)}${unit}`;
  }

  function clear() {
    document.querySelectorAll(".cursor, .reading").forEach((element) => element.remove());
  }

  function show(share) {
    clear();
    for (const { svg, paths, entries, data, room } of plots) {
      const at = (tag, attributes) => {
        const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        return svg.appendChild(element);
      };
      const x = `${share * 100}%`;
      at("line", { class: "cursor", x1: x, x2: x, y2: "100%" });
      at("text", { class: "cursor", x, y: "100%", dy: 19 }).textContent = `${(share * data.x).toFixed(1)} s`;
      const reading = room.appendChild(document.createElement("div"));
      reading.className = `reading ${share < 0.5 ? "after" : "before"}`;
      reading.style.setProperty("--at", share);
      paths.forEach((path, index) => {
        const line = reading.appendChild(document.createElement("span"));
        line.className = entries[index].class;
        line.append(Object.assign(document.createElement("i"), { textContent: `${entries[index].label} ` }));
        line.append(Object.assign(document.createElement("b"), { textContent: text(path(share * SIDE), data) }));
      });
    }
  }

  for (const { svg } of plots) {
    svg.addEventListener("pointermove", (event) => {
      const { left, width } = svg.getBoundingClientRect();
      const share = (event.clientX - left) / width;
      if (share >= 0 && share <= 1) show(share); else clear();
    });
    svg.addEventListener("pointerleave", clear);
  }
})();
