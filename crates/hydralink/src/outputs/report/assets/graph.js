/* The graph: Canvas2D, one picture below and one overlay for whatever is in focus. */
function graph() {
  const g = data.graph, N = g.label.length, host = $("graph");
  if (!N) { host.append(el("div", { cls: "card" }, empty("This report holds no graph."))); return null; }
  const bytes = s => { if (Uint8Array.fromBase64) return Uint8Array.fromBase64(s); const t = atob(s), b = new Uint8Array(t.length); for (let i = 0; i < t.length; i++) b[i] = t.charCodeAt(i); return b; };
  const f32 = s => new Float32Array(bytes(s).buffer), u32 = s => new Uint32Array(bytes(s).buffer);
  const X = f32(g.x), Y = f32(g.y), R = f32(g.size), score = f32(g.score), kind = bytes(g.kind), whose = u32(g.network), deg = u32(g.degree), how = bytes(g.membership), role = bytes(g.role), good = bytes(g.known_good), S = u32(g.source), T = u32(g.target), Wt = f32(g.weight), E = S.length;
  const names = g.label, kinds = g.kinds, HOW = ["", "core", "fringe", "ambiguous"], round = kinds.map(q => q.is_account);
  const as = i => role[i] ? g.roles[role[i] - 1] : "", account = i => ({ label: names[i], role: as(i), known_good: good[i] });
  /* By what a link names a node, in whatever report; and this picture, in which alone numbers of nodes and places mean anything. */
  const nameOf = i => digest(kinds[kind[i]].name + ":" + names[i]);
  let pictured; const picture = () => pictured ||= digest(run.run_id + "\n" + names.join("\n"));
  const putHere = (k, v) => { put(k, v); put("of", state.has("view") || state.has("sel") ? picture() : ""); };
  if ((state.has("view") || state.has("sel")) && state.get("of") !== picture()) { if (state.has("sel")) say("The selection of this link is one of another report"); state.delete("view"); state.delete("sel"); state.delete("of"); }
  /* Who only touches a network has not its colour, and is none of its members. */
  const net = whose.map((n, i) => HOW[how[i]] === "ambiguous" ? nets.length : n), ofNet = i => whose[i] < nets.length ? nets[whose[i]].id : "";
  /* Neighbours as CSR, and a grid of about one node a cell for picking. */
  const off = new Uint32Array(N + 1), adj = new Uint32Array(2 * E), via = new Uint32Array(2 * E);
  for (let e = 0; e < E; e++) { off[S[e] + 1]++; off[T[e] + 1]++; }
  for (let i = 0; i < N; i++) off[i + 1] += off[i];
  const at = off.slice();
  for (let e = 0; e < E; e++) { let p = at[S[e]]++; adj[p] = T[e]; via[p] = e; p = at[T[e]]++; adj[p] = S[e]; via[p] = e; }
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity, big = 0;
  for (let i = 0; i < N; i++) { x0 = Math.min(x0, X[i] - R[i]); x1 = Math.max(x1, X[i] + R[i]); y0 = Math.min(y0, Y[i] - R[i]); y1 = Math.max(y1, Y[i] + R[i]); big = Math.max(big, R[i]); }
  const G = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(N)))), gx = i => Math.max(0, Math.min(G - 1, Math.floor((i - x0) / (x1 - x0 || 1) * G))), gy = i => Math.max(0, Math.min(G - 1, Math.floor((i - y0) / (y1 - y0 || 1) * G)));
  const first = new Uint32Array(G * G + 1), inCell = new Uint32Array(N);
  for (let i = 0; i < N; i++) first[gy(Y[i]) * G + gx(X[i]) + 1]++;
  for (let i = 0; i < G * G; i++) first[i + 1] += first[i];
  const fill = first.slice();
  for (let i = 0; i < N; i++) inCell[fill[gy(Y[i]) * G + gx(X[i])]++] = i;
  const bySize = Uint32Array.from({ length: N }, (_, i) => i).sort((a, b) => R[b] - R[a] || a - b);
  const mid = nets.map(() => [0, 0, 0]);
  for (let i = 0; i < N; i++) if (net[i] < nets.length) { const m = mid[net[i]]; m[0] += X[i]; m[1] += Y[i]; m[2]++; }

  const PAL = ["#3b7dd8", "#e07b39", "#2f9e6e", "#c2518f", "#8b6fd6", "#c9a227", "#2aa5b8", "#d1495b", "#6b8e23", "#9c6b4a", "#5c7cfa", "#b05cc6"];
  const grey = () => dark() ? "#6b7888" : "#9aa5b1";
  const paint = () => { const c = getComputedStyle(root); return { bg: c.getPropertyValue("--card").trim(), ink: c.getPropertyValue("--ink").trim(), accent: c.getPropertyValue("--accent").trim() }; };
  let ink = paint(), by = state.get("color") || "network", minDeg = +state.get("deg") || 0, minW = +state.get("w") || 0, minS = state.has("bits") ? +state.get("bits") : -Infinity, mode = "pan";
  const off_ = new Set((state.get("hide") || "").split(":").map(name => kinds.findIndex(q => q.name === name)).filter(i => i >= 0));
  const hue = i => by === "kind" ? kind[i] % 12 : net[i] < nets.length ? net[i] % 12 : 12;
  const colour = h => h < 12 ? PAL[h] : grey();
  const vis = new Uint8Array(N);
  let nodeSets, edgeSets, nVis, eVis;
  const seen = e => vis[S[e]] && vis[T[e]] && Wt[e] >= minW;
  function sets() {
    nVis = eVis = 0; nodeSets = []; edgeSets = [];
    for (let i = 0; i < N; i++) { vis[i] = !off_.has(kind[i]) && deg[i] >= minDeg && !(score[i] < minS) ? 1 : 0; if (vis[i]) { nVis++; const b = 2 * hue(i) + (round[kind[i]] ? 0 : 1); (nodeSets[b] ||= []).push(i); } }
    for (let e = 0; e < E; e++) if (seen(e)) { eVis++; const a = hue(S[e]), b = by === "kind" || a === hue(T[e]) ? a : 12; (edgeSets[b] ||= []).push(e); }
    count.textContent = `${int(nVis)} of ${int(N)} nodes, ${int(eVis)} of ${int(E)} edges`;
  }

  /* Furniture. */
  const base = el("canvas", { "aria-hidden": "true" }), top = el("canvas", { tabindex: 0, role: "img", "aria-label": `Graph of ${N} nodes and ${E} edges. Arrow keys move, plus and minus zoom, 0 shows all, slash searches, Escape lets go.` });
  const tip = el("div", { cls: "tip", hidden: true }), count = el("div", { cls: "count" }), side = el("div", { cls: "card side", "aria-live": "polite" });
  const view = el("div", { cls: "view" }, base, top, tip, count, el("div", { cls: "zoom" }, btn("+", () => zoom(1.5), { "aria-label": "Zoom in" }), btn("−", () => zoom(1 / 1.5), { "aria-label": "Zoom out" }), btn("⤢", () => fit(), { "aria-label": "Show all" })));
  const hits = el("ul", { cls: "hits", role: "listbox", id: "hits", hidden: true });
  const box = el("input", { type: "search", placeholder: "Find an account or identifier ( / )", "aria-label": "Find a node", role: "combobox", "aria-controls": "hits", "aria-expanded": "false" });
  const numeric = (text, key, set) => { const i = el("input", { type: "number", min: 0, step: "any", "aria-label": text, placeholder: "any", oninput: e => { set(e.target.value === "" ? null : +e.target.value); put(key, e.target.value); refresh(); } }); i.value = state.get(key) || ""; return el("label", { cls: "field" }, text, i); };
  const modes = [["pan", "Move"], ["lasso", "Lasso"], ["path", "Path"]].map(([m, t]) => btn(t, () => setMode(m), { "aria-pressed": String(m === mode), "data-m": m }));
  function setMode(m) { mode = m; for (const b of modes) b.setAttribute("aria-pressed", b.dataset.m === m); top.style.cursor = m === "pan" ? "grab" : "crosshair"; if (m === "path") { from = -1; say("Pick the first node, then the second"); } }
  const paletteBy = el("select", { "aria-label": "Colour by", onchange: e => { by = e.target.value; put("color", by); legend(); refresh(); } }, ["network", "kind"].map(v => el("option", { value: v, selected: v === by }, "Colour by " + v)));
  const legendBox = el("div", { cls: "legend", role: "group", "aria-label": "Kinds: press to hide" }), perKind = new Uint32Array(kinds.length);
  for (let i = 0; i < N; i++) perKind[kind[i]]++;
  function legend() {
    legendBox.replaceChildren(...kinds.flatMap((q, i) => {
      if (!perKind[i]) return [];
      const s = svgEl("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }), c = by === "kind" ? PAL[i % 12] : grey();
      s.append(q.is_account ? svgEl("circle", { cx: 6, cy: 6, r: 5, fill: c }) : svgEl("rect", { x: 1, y: 1, width: 10, height: 10, fill: c }));
      return el("button", { type: "button", "aria-pressed": String(!off_.has(i)), onclick: () => { if (!off_.delete(i)) off_.add(i); put("hide", [...off_].map(i => kinds[i].name).join(":")); legend(); refresh(); } }, s, clean(q.name), el("span", { cls: "dim" }, int(perKind[i])));
    }));
  }
  host.append(el("div", { cls: "tools" }, el("div", { cls: "find" }, box, hits), paletteBy, numeric("Degree ≥", "deg", v => minDeg = v ?? 0), numeric("Weight ≥", "w", v => minW = v ?? 0), numeric("Bits ≥", "bits", v => minS = v ?? -Infinity), el("span", { cls: "push row", role: "group", "aria-label": "Mode" }, modes, btn("PNG", png))), legendBox, el("div", { cls: "stage" }, view, side));

  /* Camera and pictures. */
  let cx = 0, cy = 0, z = 1, w = 1, h = 1, dpr = 1, hover = -1, node = -1, from = -1, path = null, selected = null, lasso = null, timer, snap = document.createElement("canvas"), sx = 0, sy = 0, sz = 1, spent = 0;
  const bc = base.getContext("2d", { alpha: false }), tc = top.getContext("2d");
  const px = i => (X[i] - cx) * z + w / 2, py = i => (Y[i] - cy) * z + h / 2;
  const rad = i => Math.max(1, Math.min(40, R[i] * z));
  function frameOf(list) { let a = Infinity, b = Infinity, c = -Infinity, d = -Infinity; for (const i of list) { a = Math.min(a, X[i]); b = Math.min(b, Y[i]); c = Math.max(c, X[i]); d = Math.max(d, Y[i]); } return [a, b, c, d]; }
  function fit(f = [x0, y0, x1, y1]) { cx = (f[0] + f[2]) / 2; cy = (f[1] + f[3]) / 2; z = Math.min((w - 40) / (f[2] - f[0] || 1), (h - 80) / (f[3] - f[1] || 1), 400 / (big || 1)); full(); keep(); }
  const keep = () => putHere("view", [cx, cy, z].map(v => +v.toPrecision(6)).join(","));
  function mark(c, list, sq) { c.beginPath(); for (const i of list) { const x = px(i), y = py(i), r = rad(i); if (x < -r || y < -r || x > w + r || y > h + r) continue; if (sq || r < 1.8) c.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r); else { c.moveTo(x + r, y); c.arc(x, y, r, 0, 7); } } c.fill(); }
  function strokes(c, list) { let n = 0; c.beginPath(); for (const e of list) { const a = px(S[e]), b = py(S[e]), p = px(T[e]), q = py(T[e]); if ((a < 0 && p < 0) || (b < 0 && q < 0) || (a > w && p > w) || (b > h && q > h)) continue; c.moveTo(a, b); c.lineTo(p, q); if (++n % 1500 === 0) { c.stroke(); c.beginPath(); } } c.stroke(); }
  const boxes = [];
  function text(c, s, x, y, size, bold) {
    s = clean(s); if (s.length > 34) s = s.slice(0, 33) + "…";
    c.font = `${bold ? 600 : 400} ${size}px system-ui,sans-serif`;
    const wide = c.measureText(s).width, b = [x - wide / 2 - 3, y - size, x + wide / 2 + 3, y + 4];
    if (b[0] < 0 || b[2] > w || b[1] < 0 || b[3] > h || boxes.some(o => b[0] < o[2] && b[2] > o[0] && b[1] < o[3] && b[3] > o[1])) return false;
    boxes.push(b); c.textAlign = "center"; c.lineWidth = 3; c.lineJoin = "round"; c.strokeStyle = ink.bg; c.strokeText(s, x, y); c.fillStyle = ink.ink; c.fillText(s, x, y); return true;
  }
  function full() {
    clearTimeout(timer); const t0 = performance.now();
    bc.setTransform(dpr, 0, 0, dpr, 0, 0); bc.globalAlpha = 1; bc.fillStyle = ink.bg; bc.fillRect(0, 0, w, h);
    bc.lineWidth = 0.7; bc.globalAlpha = Math.max(0.06, Math.min(0.45, 6000 / (eVis || 1))) * (dark() ? 1.4 : 1.1);
    edgeSets.forEach((list, b) => { bc.strokeStyle = colour(b); strokes(bc, list); });
    /* Identifiers below and paler: accounts are what one looks for. */
    for (const square of [1, 0]) { bc.globalAlpha = square ? 0.55 : 0.95; nodeSets.forEach((list, b) => { if ((b & 1) === square) { bc.fillStyle = colour(b >> 1); mark(bc, list, b & 1); } }); }
    bc.globalAlpha = 1; boxes.length = 0;
    if (rad(bySize[0]) < 26) mid.some((m, n) => { if (m[2]) text(bc, nets[n].id, (m[0] / m[2] - cx) * z + w / 2, (m[1] / m[2] - cy) * z + h / 2 + 4, 12, true); return boxes.length > 40; });
    let tried = 0;
    for (const i of bySize) { const r = R[i] * z; if (r < 4.5 || boxes.length > 80 || tried > 3000) break; if (!vis[i]) continue; const x = px(i), y = py(i); if (x < 0 || y < 0 || x > w || y > h) continue; tried++; text(bc, names[i], x, y + rad(i) + 12, 11); }
    snap.width = base.width; snap.height = base.height; snap.getContext("2d").drawImage(base, 0, 0); sx = cx; sy = cy; sz = z;
    overlay(); spent = performance.now() - t0;
  }
  /* While moving, the last picture is shifted and scaled; the real one follows when the hand rests. */
  function moving() {
    clearTimeout(timer); timer = setTimeout(() => { full(); keep(); }, 120);
    const f = z / sz; bc.setTransform(1, 0, 0, 1, 0, 0); bc.globalAlpha = 1; bc.fillStyle = ink.bg; bc.fillRect(0, 0, base.width, base.height);
    bc.drawImage(snap, ((sx - cx) * z + w / 2 - f * w / 2) * dpr, ((sy - cy) * z + h / 2 - f * h / 2) * dpr, base.width * f, base.height * f);
    overlay();
  }
  function overlay() {
    tc.setTransform(dpr, 0, 0, dpr, 0, 0); tc.clearRect(0, 0, w, h);
    const centre = path ? -1 : hover >= 0 ? hover : !selected ? node : -1; let edges = [], nodes = [];
    if (centre >= 0) { nodes.push(centre); for (let p = off[centre]; p < off[centre + 1]; p++) if (seen(via[p])) { edges.push(via[p]); nodes.push(adj[p]); } }
    else if (path) { nodes = path.nodes; edges = path.edges; }
    else if (selected) nodes = selected;
    if (nodes.length) {
      tc.globalAlpha = 0.86; tc.fillStyle = ink.bg; tc.fillRect(0, 0, w, h);
      if (!edges.length && selected && nodes === selected) { const inside = new Uint8Array(N); for (const i of selected) inside[i] = 1; for (let e = 0; e < E; e++) if (inside[S[e]] && inside[T[e]] && seen(e)) edges.push(e); }
      tc.globalAlpha = Math.max(0.1, Math.min(0.7, 1500 / (edges.length || 1))); tc.lineWidth = path && centre < 0 ? 2.5 : 1; tc.strokeStyle = ink.accent; strokes(tc, edges);
      tc.globalAlpha = 1; const groups = [];
      for (const i of nodes) if (vis[i]) (groups[2 * hue(i) + (round[kind[i]] ? 0 : 1)] ||= []).push(i);
      groups.forEach((list, b) => { tc.fillStyle = colour(b >> 1); mark(tc, list, b & 1); });
      boxes.length = 0;
      if (centre >= 0) { tc.strokeStyle = ink.ink; tc.lineWidth = 2; tc.beginPath(); tc.arc(px(centre), py(centre), rad(centre) + 4, 0, 7); tc.stroke(); text(tc, names[centre], px(centre), py(centre) - rad(centre) - 9, 13, true); }
      if (centre >= 0 || path) for (const i of nodes.slice(0, 400).sort((a, b) => R[b] - R[a] || a - b).slice(0, 14)) if (i !== centre) text(tc, names[i], px(i), py(i) + rad(i) + 13, 11);
    }
    if (lasso) { tc.globalAlpha = 1; tc.strokeStyle = ink.accent; tc.lineWidth = 1.5; tc.setLineDash([5, 4]); tc.beginPath(); lasso.forEach(([x, y], i) => i ? tc.lineTo(x, y) : tc.moveTo(x, y)); tc.closePath(); tc.stroke(); tc.setLineDash([]); tc.globalAlpha = 0.1; tc.fillStyle = ink.accent; tc.fill(); }
    tc.globalAlpha = 1;
  }
  function pick(mx, my) {
    const ux = (mx - w / 2) / z + cx, uy = (my - h / 2) / z + cy, slack = 8 / z, reach = big + slack; let best = -1, d0 = Infinity;
    for (let b = gy(uy - reach); b <= gy(uy + reach); b++) for (let a = gx(ux - reach); a <= gx(ux + reach); a++)
      for (let p = first[b * G + a]; p < first[b * G + a + 1]; p++) { const i = inCell[p], d = Math.hypot(X[i] - ux, Y[i] - uy) - R[i]; if (vis[i] && d < slack && d < d0) { d0 = d; best = i; } }
    return best;
  }
  function zoom(f, mx = w / 2, my = h / 2) { const n = Math.max(1e-4, Math.min(z * f, 600 / (big || 1))); cx += (mx - w / 2) * (1 / z - 1 / n); cy += (my - h / 2) * (1 / z - 1 / n); z = n; moving(); }
  function refresh() { sets(); full(); }
  repaint = () => { ink = paint(); legend(); full(); };

  /* Panels. */
  const go = i => { node = i; path = selected = null; putHere("sel"); cx = X[i]; cy = Y[i]; z = Math.max(z, Math.min(9 / (R[i] || 1), 12 * Math.min(w / (x1 - x0 || 1), h / (y1 - y0 || 1)))); put("node", nameOf(i)); full(); keep(); panel(i); };
  /* An end of a path, by hand or from the search; of the second the path is shown. */
  function end(i) { if (from < 0) { from = i; say("Pick the other end"); } else { const a = from; setMode("pan"); from = hover = -1; $("said").classList.remove("on"); route(a, i); } }
  const choose = i => mode === "path" ? end(i) : go(i);
  const link = i => btn(clean(names[i]), () => choose(i), { cls: "link mono" });
  const part = (title, list) => el("div", { cls: "group" }, el("h3", null, title), el("ul", null, list.slice(0, 12).map(i => el("li", null, link(i)))), list.length > 12 ? el("p", { cls: "dim small" }, `showing 12 of ${int(list.length)}`) : null);
  const byKind = list => kinds.map((q, j) => [q.name, list.filter(i => kind[i] === j).sort((a, b) => deg[b] - deg[a] || a - b)]).filter(p => p[1].length);
  const accounts = list => list.filter(i => round[kind[i]]).map(account);
  const around = i => [...new Set(adj.slice(off[i], off[i + 1]))];
  function idle() { side.replaceChildren(el("h3", null, "Nothing picked"), el("p", { cls: "dim small" }, "Point at a node to see what it touches; click it for its fields. Once the picture is clicked, scrolling zooms. Lasso collects a list; Path shows the shortest chain between two picks."), el("div", { cls: "row" }, btn("Select all shown", () => select(bySize.filter(i => vis[i]))))); }
  function panel(i) {
    const list = around(i), acc = accounts(list); let sum = 0; for (let p = off[i]; p < off[i + 1]; p++) sum += Wt[via[p]];
    side.replaceChildren(el("h3", { cls: "label mono" }, clean(names[i])),
      el("dl", null, [["Kind", clean(kinds[kind[i]].name)], ["Network", whose[i] < nets.length ? btn(clean(nets[whose[i]].id), () => open(nets[whose[i]]), { cls: "link" }) : "none"], ...(HOW[how[i]] ? [["Membership", HOW[how[i]]]] : []), ...(as(i) ? [["Role", words(as(i))]] : []), ...(good[i] ? [["Known-good", "yes"]] : []), ["Degree", int(deg[i])], ["Drawn edges", int(off[i + 1] - off[i])], ["Weight", num(sum)], ["Bits", num(score[i])]].map(([a, b]) => [el("dt", null, a), el("dd", null, b)])),
      el("div", { cls: "row" }, btn("Copy id", () => copy(names[i], "the id")), acc.length ? copyButton(acc) : null, btn("Path from here", () => { setMode("path"); from = i; say("Pick the other end"); }), btn("Select it and neighbours", () => select([i, ...list]))),
      ...byKind(list).map(([n, l]) => part(`${clean(n)} · ${int(l.length)}`, l)));
  }
  function select(list) {
    selected = [...list]; path = null; node = -1; put("node"); putHere("sel", packed(selected)); overlay(); const acc = accounts(selected), inside = new Set(selected);
    if (!selected.length) { selected = null; idle(); say("Nothing inside"); return; }
    side.replaceChildren(el("h3", null, counted(selected.length, "node") + " selected"), el("div", { cls: "row" }, copyButton(acc), btn("CSV", () => csv("selection.csv", ["label", "kind", "network", "membership", "role", "degree", "bits"], selected.map(i => [names[i], kinds[kind[i]].name, ofNet(i), HOW[how[i]], as(i), deg[i], score[i]]))), btn("GraphML", () => graphml(inside)), btn("Let go", letGo)), ...byKind(selected).map(([n, l]) => part(`${clean(n)} · ${int(l.length)}`, l)));
  }
  /* A selection in the address: runs of node numbers in base 36, each from where the last ended, as in "a,3-4". One that takes more letters than a link can be trusted with isn't kept. */
  const LONGEST = 4000;
  function packed(list) {
    const runs = [], order = [...list].sort((a, b) => a - b); let end = 0;
    for (let i = 0; i < order.length;) { let j = i; while (j + 1 < order.length && order[j + 1] === order[j] + 1) j++; runs.push((order[i] - end).toString(36) + (j > i ? "-" + (j - i).toString(36) : "")); end = order[j] + 1; i = j + 1; }
    const text = runs.join(","); return text.length > LONGEST ? "" : text;
  }
  function unpacked(text) {
    const list = []; let at = 0;
    for (const run of text.split(",")) { const [skip, more] = run.split("-").map(n => parseInt(n, 36)); at += skip; for (let n = 0; n <= (more || 0); n++, at++) { if (!(at < N)) return []; list.push(at); } }
    return list;
  }
  /* In the dialect that Gephi, networkx, igraph and others read whole: visuals by their names, ids of kind and value, no empty numbers. */
  function graphml(inside) {
    const x = s => String(s).replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd").replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
    /* Two nodes that are shown by one text are two nodes all the same. */
    const ids = new Map(), taken = new Set();
    const id = i => { if (!ids.has(i)) { let text = plain(i); if (taken.has(text)) text += "_x23_" + i; taken.add(text); ids.set(i, text); } return ids.get(i); };
    const plain = i => [kinds[kind[i]].name, names[i]].map((s, j) => s.replace(j ? /[^A-Za-z0-9._:-]|_(?=x)/gu : /[^A-Za-z0-9._-]|_(?=x)/gu, c => `_x${c.codePointAt(0).toString(16).toUpperCase()}_`)).join(":");
    const shown = i => { const s = clean(names[i]), k = kinds[kind[i]].name; return !s.trim() ? k + " (blank)" : Number.isFinite(+s) ? k + " " + s : s.length > 120 ? s.slice(0, 120) + "…" : s; };
    const list = [...inside], pairs = new Map();
    /* One edge a pair: readers take of several the last, or their sum. */
    for (let e = 0; e < E; e++) if (inside.has(S[e]) && inside.has(T[e]) && seen(e) && Wt[e] > 0) { const pair = S[e] * N + T[e], was = pairs.get(pair); pairs.set(pair, [S[e], T[e], Wt[e] + (was ? was[2] : 0)]); }
    const edges = [...pairs.values()], within = new Map(list.map(i => [i, 0])); for (const [a, b] of edges) for (const i of [a, b]) within.set(i, within.get(i) + 1);
    const roots = list.map(i => Math.sqrt(within.get(i))), least = roots.reduce((a, b) => Math.min(a, b)), most = roots.reduce((a, b) => Math.max(a, b)), reach = 4999 / list.reduce((far, i) => Math.max(far, Math.abs(X[i]), Math.abs(Y[i])), 4999);
    const keys = [["label", "string"], ["x", "double"], ["y", "double"], ["size", "double"], ["r", "int"], ["g", "int"], ["b", "int"], ["color", "string"], ["kind", "string"], ["value", "string"], ["network", "string"], ["membership", "string"], ["role", "string"], ["degree", "long"], ["bits", "double"]];
    const out = ['<?xml version="1.0" encoding="UTF-8"?>\n', "<" + `!-- hydralink ${x(run.tool_version).replace(/--/g, "- -")}: a selection of ${list.length} nodes and ${edges.length} edges; weight: bits; degree counts the whole data -->\n`, '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'];
    for (const [n, t] of keys) out.push(`<key id="${n}" for="node" attr.name="${n}" attr.type="${t}"/>\n`);
    out.push('<key id="relation" for="edge" attr.name="relation" attr.type="string"/>\n<key id="weight" for="edge" attr.name="weight" attr.type="double"/>\n<graph id="G" edgedefault="undirected">\n');
    list.forEach((i, at) => {
      const c = colour(hue(i)), rgb = [1, 3, 5].map(p => parseInt(c.slice(p, p + 2), 16)), size = most > least ? 4 + 96 * (roots[at] - least) / (most - least) : 10;
      const values = [shown(i), X[i] * reach, Y[i] * reach, size, ...rgb, c, kinds[kind[i]].name, names[i], ofNet(i), HOW[how[i]], as(i), deg[i], score[i]];
      out.push(`<node id="${id(i)}">`, ...values.map((v, j) => v === "" || v == null || typeof v === "number" && !Number.isFinite(v) ? "" : `<data key="${keys[j][0]}">${x(v)}</data>`), "</node>\n");
    });
    edges.forEach(([a, b, bits], at) => out.push(`<edge id="e${at}" source="${id(a)}" target="${id(b)}"><data key="relation">${x(kinds[kind[b]].name)}</data><data key="weight">${bits}</data></edge>\n`));
    out.push("</graph>\n</graphml>\n"); save("selection.graphml", "application/xml", out);
  }
  /* Breadth first over what is shown: the fewest hops, ties to the lower node. */
  function route(a, b) {
    const prev = new Int32Array(N).fill(-1), edge = new Int32Array(N); let ring = [a]; prev[a] = a;
    while (ring.length && prev[b] < 0) { const next = []; for (const i of ring) for (let p = off[i]; p < off[i + 1]; p++) { const j = adj[p]; if (prev[j] < 0 && seen(via[p])) { prev[j] = i; edge[j] = via[p]; next.push(j); } } ring = next.sort((p, q) => p - q); }
    if (prev[b] < 0) { side.replaceChildren(el("h3", null, "No path"), el("p", { cls: "dim" }, "Among the nodes and edges shown, nothing joins the two.")); return; }
    putHere("sel"); path = { nodes: [b], edges: [] }; for (let i = b; i !== a; i = prev[i]) { path.nodes.unshift(prev[i]); path.edges.push(edge[i]); }
    selected = null; node = -1; overlay();
    side.replaceChildren(el("h3", null, `Shortest path, ${path.edges.length} hops`), el("ol", null, path.nodes.map(i => el("li", null, link(i), " ", el("span", { cls: "dim small" }, `${clean(kinds[kind[i]].name)}, degree ${int(deg[i])}`)))), el("div", { cls: "row" }, btn("Select these", () => select(path.nodes)), btn("Copy", () => copy(path.nodes.map(i => names[i]).join("\n"), "the path")), btn("Let go", letGo)));
  }
  function letGo() { node = from = hover = -1; path = selected = lasso = null; tip.hidden = true; put("node"); putHere("sel"); setMode("pan"); idle(); overlay(); }
  function png() { const c = document.createElement("canvas"); c.width = base.width; c.height = base.height; const q = c.getContext("2d"); q.drawImage(base, 0, 0); q.drawImage(top, 0, 0); c.toBlob(b => save("graph.png", "image/png", b)); }

  /* Hands and keys. */
  const pointers = new Map(); let moved = 0, due = false;
  const spot = e => { const r = view.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  top.onpointerdown = e => { top.setPointerCapture(e.pointerId); pointers.set(e.pointerId, spot(e)); moved = 0; if (mode === "lasso") lasso = [spot(e)]; };
  top.onpointermove = e => {
    const p = spot(e), was = pointers.get(e.pointerId);
    if (!was) { if (!due) { due = true; requestAnimationFrame(() => { due = false; point(...p); }); } return; }
    moved += Math.abs(p[0] - was[0]) + Math.abs(p[1] - was[1]);
    if (lasso) { lasso.push(p); overlay(); }
    else if (pointers.size === 2) { const o = [...pointers].find(q => q[0] !== e.pointerId)[1], d = Math.hypot(was[0] - o[0], was[1] - o[1]); if (d > 5) zoom(Math.hypot(p[0] - o[0], p[1] - o[1]) / d, (p[0] + o[0]) / 2, (p[1] + o[1]) / 2); }
    else if (moved > 3) { hover = -1; tip.hidden = true; cx -= (p[0] - was[0]) / z; cy -= (p[1] - was[1]) / z; moving(); }
    pointers.set(e.pointerId, p);
  };
  function point(mx, my) {
    const i = pick(mx, my); if (i !== hover) { hover = i; overlay(); }
    tip.hidden = i < 0; if (i >= 0) { tip.textContent = `${clean(kinds[kind[i]].name)} · ${int(deg[i])} links · ${net[i] < nets.length ? clean(nets[net[i]].id) : "no network"}`; tip.style.left = Math.max(4, Math.min(mx + 14, w - 250)) + "px"; tip.style.top = Math.min(my + 16, h - 34) + "px"; }
  }
  top.onpointerup = top.onpointercancel = e => {
    const p = spot(e); pointers.delete(e.pointerId);
    if (lasso) { const poly = lasso; lasso = null; if (poly.length > 2) select(bySize.filter(i => vis[i] && within(px(i), py(i), poly))); else overlay(); return; }
    if (moved > 3 || e.type !== "pointerup") return;
    const i = pick(...p);
    if (mode === "path") { if (i >= 0) end(i); }
    else if (i < 0) letGo(); else { node = i; path = selected = null; putHere("sel"); put("node", nameOf(i)); overlay(); panel(i); }
  };
  const within = (x, y, poly) => { let odd = false; for (let i = 0, j = poly.length - 1; i < poly.length; j = i++) { const [a, b] = poly[i], [c, d] = poly[j]; if ((b > y) !== (d > y) && x < (c - a) * (y - b) / (d - b) + a) odd = !odd; } return odd; };
  top.onpointerleave = () => { if (hover >= 0) { hover = -1; overlay(); } tip.hidden = true; };
  view.addEventListener("wheel", e => { if (document.activeElement !== top && !e.ctrlKey) return; e.preventDefault(); zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0015)), ...spot(e)); }, { passive: false });
  top.onkeydown = e => { const d = 60 / z, m = { ArrowLeft: [-d, 0], ArrowRight: [d, 0], ArrowUp: [0, -d], ArrowDown: [0, d] }[e.key]; if (m) { cx += m[0]; cy += m[1]; moving(); } else if (e.key === "+" || e.key === "=") zoom(1.3); else if (e.key === "-") zoom(1 / 1.3); else if (e.key === "0") fit(); else return; e.preventDefault(); };
  addEventListener("keydown", e => { if (e.key === "Escape" && !hits.hidden) showHits([]); else if (e.key === "Escape") letGo(); else if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) { e.preventDefault(); box.focus(); box.scrollIntoView({ block: "center" }); } });
  let lower = null, found = [], cur = 0;
  const showHits = list => { found = list; cur = 0; hits.hidden = !list.length; box.setAttribute("aria-expanded", String(!!list.length)); hits.replaceChildren(...list.map((i, j) => el("li", { role: "option", id: "hit" + j, "aria-selected": String(j === 0), onclick: () => take(i) }, label(names[i]), " ", el("span", { cls: "dim small" }, clean(kinds[kind[i]].name))))); };
  const take = i => { showHits([]); box.value = names[i]; choose(i); };
  box.oninput = () => { lower ||= names.map(n => n.toLowerCase()); const q = box.value.trim().toLowerCase(), list = []; if (q) for (const i of bySize) if (lower[i].includes(q)) { list.push(i); if (list.length === 20) break; } showHits(list); if (q && !list.length) say("No node matches"); };
  box.onkeydown = e => { if (e.key === "Enter" && found.length) take(found[cur]); else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && found.length) { e.preventDefault(); hits.children[cur].setAttribute("aria-selected", "false"); cur = (cur + (e.key === "ArrowDown" ? 1 : found.length - 1)) % found.length; const li = hits.children[cur]; li.setAttribute("aria-selected", "true"); li.scrollIntoView({ block: "nearest" }); box.setAttribute("aria-activedescendant", li.id); } };

  function measure() { const r = view.getBoundingClientRect(); w = r.width; h = r.height; dpr = Math.min(2, devicePixelRatio || 1); for (const c of [base, top]) { c.width = w * dpr; c.height = h * dpr; } }
  legend(); idle(); setMode("pan"); sets(); measure();
  const saved = (state.get("view") || "").split(",").map(Number);
  if (saved.length === 3 && saved.every(Number.isFinite) && saved[2] > 0) { [cx, cy, z] = saved; full(); } else { fit(); putHere("view"); }
  let pinned = -1; if (state.has("node")) for (let i = 0; i < N && pinned < 0; i++) if (nameOf(i) === state.get("node")) pinned = i;
  if (pinned >= 0) { node = pinned; panel(node); overlay(); } else put("node");
  const kept = unpacked(state.get("sel") || "-"); if (kept.length) select(kept); else putHere("sel");
  firstPicture = performance.now();
  new ResizeObserver(() => { const r = view.getBoundingClientRect(); if (r.width && (r.width !== w || r.height !== h)) { const whole = !state.has("view"); measure(); if (whole) { fit(); putHere("view"); } else full(); } }).observe(view);
  return {
    network: n => { const list = bySize.filter(i => net[i] === n); if (list.length) { host.scrollIntoView(); fit(frameOf(list)); select(list); } else say("None of its nodes is drawn"); },
    hover: point, at: i => [px(i), py(i)], drawn: () => spent,
  };
}
