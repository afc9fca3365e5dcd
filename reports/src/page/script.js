"use strict";
(() => {
  const root = document.documentElement;
  const store = { get() { try { return localStorage.getItem("theme"); } catch { return null; } },
                  set(v) { try { localStorage.setItem("theme", v); } catch { /* a file may keep nothing */ } } };
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  if (store.get()) root.dataset.theme = store.get();
  const theme = document.getElementById("theme");
  const label = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; store.set(root.dataset.theme); label(); };
  label();

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.onclick = async () => {
      const code = document.getElementById(button.dataset.copy);
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
  }

  for (const input of document.querySelectorAll("input[data-filter]")) {
    input.hidden = false;
    const rows = [...document.querySelectorAll("#" + input.dataset.filter + " tbody tr:not(.group)")];
    const groups = [...document.querySelectorAll("#" + input.dataset.filter + " tr.group")];
    input.oninput = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      for (const group of groups) group.hidden = words.length > 0;
    };
  }

  const data = JSON.parse(document.getElementById("points").textContent);
  const NS = "http://www.w3.org/2000/svg";
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    const svg = figure.querySelector("svg");
    const hover = data[figure.dataset.figure];
    const off = new Set();
    for (const key of svg.querySelectorAll("[data-key]")) {
      key.setAttribute("role", "button");
      key.setAttribute("tabindex", "0");
      key.setAttribute("aria-pressed", "true");
      const toggle = () => {
        const s = key.dataset.key;
        const hide = !off.has(s);
        if (hide) off.add(s); else off.delete(s);
        key.classList.toggle("off", hide);
        key.setAttribute("aria-pressed", String(!hide));
        for (const part of svg.querySelectorAll('[data-s="' + s + '"]')) part.classList.toggle("off", hide);
      };
      key.onclick = toggle;
      key.onkeydown = (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(); } };
    }
    if (!hover || !hover.series.length) continue;
    const [left, top, right, bottom] = hover.area;
    const cursor = document.createElementNS(NS, "g");
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    svg.append(cursor);
    figure.append(tip);
    const leave = () => { tip.hidden = true; cursor.replaceChildren(); };
    const move = (e) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const x = (e.clientX - box.left) * scale;
      const y = (e.clientY - box.top) * scale;
      if (x < left - 150 || x > right + 150 || y < top - 150 || y > bottom + 150) return leave();
      let found = [];
      for (const s of hover.series) {
        if (off.has(String(s.colour))) continue;
        let best = null;
        let least = Infinity;
        for (const p of s.points) {
          const far = hover.both ? Math.abs(p[1] - y) * 8 + Math.abs(p[0] - x) : Math.abs(p[0] - x);
          if (far < least) { least = far; best = p; }
        }
        if (best) found.push({ s, p: best, far: least });
      }
      if (!found.length) return leave();
      const nearest = found.reduce((a, b) => (b.far < a.far ? b : a));
      const aligned = found.every((f) => f.p[2] === nearest.p[2]);
      if (hover.both) found = [nearest];
      cursor.replaceChildren();
      if (!hover.both && aligned) {
        const line = document.createElementNS(NS, "line");
        line.setAttribute("class", "cursor");
        for (const [k, v] of [["x1", nearest.p[0]], ["x2", nearest.p[0]], ["y1", top], ["y2", bottom]]) line.setAttribute(k, v);
        cursor.append(line);
      }
      if (!hover.both && !aligned) found = [nearest, ...found.filter((f) => f !== nearest)];
      tip.replaceChildren();
      if (aligned || hover.both) { const b = document.createElement("b"); b.textContent = nearest.p[2]; tip.append(b); }
      for (const f of found) {
        const dot = document.createElementNS(NS, "circle");
        for (const [k, v] of [["cx", f.p[0]], ["cy", f.p[1]], ["r", 58], ["class", "f-" + (f.s.colour === 7 ? "muted" : "s" + f.s.colour)]]) dot.setAttribute(k, v);
        cursor.append(dot);
        const row = document.createElement("div");
        const mark = document.createElement("i");
        mark.style.background = "var(--" + (f.s.colour === 7 ? "muted" : "s" + f.s.colour) + ")";
        const name = document.createElement("span");
        name.textContent = f.s.name.split(":")[0] === "paid" ? f.s.name + "  " : f.s.name.split(":")[0] + "  ";
        row.append(mark, name, (aligned || hover.both ? "" : f.p[2] + " ") + f.p[3]);
        tip.append(row);
      }
      tip.hidden = false;
      const frame = figure.getBoundingClientRect();
      const at = e.clientX - frame.left;
      tip.style.left = Math.max(4, at + 16 + tip.offsetWidth > frame.width ? at - 16 - tip.offsetWidth : at + 16) + "px";
      tip.style.top = Math.max(4, e.clientY - frame.top - tip.offsetHeight - 12) + "px";
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", leave);
  }
})();
