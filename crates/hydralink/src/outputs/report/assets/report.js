const $ = id => document.getElementById(id);
const data = JSON.parse($("report-data").textContent);
const nets = data.networks, run = data.run;
/* Controls and what nobody sees (the table of `unseen.rs`) are shown by their code point: they could disguise a label. */
const clean = s => String(s ?? "").replace(/[\u0000-\u001f\u007f-\u009f$UNSEEN]/gu,
  c => "⟨U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩");
const int = n => n == null ? "–" : Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
const counted = (n, thing) => int(n) + " " + thing + (n === 1 ? "" : "s");
const num = (n, d = 1) => n == null ? "–" : n !== 0 && Math.abs(n) < 0.001 ? n.toExponential(1) : Math.abs(n) >= 1e4 ? int(n) : n.toFixed(d);
const pct = n => n == null ? "–" : (100 * n).toFixed(n > 0 && n < 0.1 ? 1 : 0) + "\u202f%";
const short = n => n >= 1e9 ? +(n / 1e9).toPrecision(3) + "G" : n >= 1e6 ? +(n / 1e6).toPrecision(3) + "M" : n >= 1e4 ? +(n / 1e3).toPrecision(3) + "k" : int(n);
const words = name => name.replace(/_/g, " ");
const day = s => clean(s).slice(0, 10) || "–";

/* Elements. Text goes in as text nodes, here and nowhere else. */
const el = (tag, props, ...kids) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props || {}))
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (v != null && v !== false) e.setAttribute(k === "cls" ? "class" : k, v === true ? "" : v);
  for (const kid of kids.flat(Infinity)) if (kid != null) e.append(kid);
  return e;
};
const svgEl = (tag, attrs, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attrs) e.setAttribute(k, attrs[k]);
  if (text != null) e.textContent = text;
  return e;
};
const label = s => el("span", { cls: "label mono" }, clean(s));
const btn = (text, onclick, props) => el("button", { type: "button", onclick, ...props }, text);
const empty = text => el("p", { cls: "empty" }, text);
const card = (title, ...kids) => el("div", { cls: "card" }, el("h3", null, title), ...kids);
const lines = (list, none) => list.length ? el("ul", null, list.map(t => el("li", { cls: "label" }, clean(t)))) : el("p", { cls: "dim" }, none);
let hush;
const say = text => { const s = $("said"); s.textContent = text; s.classList.add("on"); clearTimeout(hush); hush = setTimeout(() => s.classList.remove("on"), Math.max(2200, 60 * text.length)); };

/* Out of the page: files and the clipboard. */
const save = (name, type, parts) => {
  const url = URL.createObjectURL(parts instanceof Blob ? parts : new Blob(parts, { type }));
  el("a", { href: url, download: name.replace(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
};
/* A spreadsheet runs a cell that opens with = + - @: text cells get an apostrophe in front. */
const cell = v => { let s = v == null ? "" : String(v); if (typeof v === "string" && /^[=+\-@\t\r]/.test(s)) s = "'" + s; return /[",\n\r]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s; };
const csv = (name, head, rows) => save(name, "text/csv", ["\ufeff", [head, ...rows].map(r => r.map(cell).join(",")).join("\r\n"), "\r\n"]);
const copy = async (text, what) => {
  try { await navigator.clipboard.writeText(text); }
  catch { const t = el("textarea"); t.value = text; document.body.append(t); t.select(); document.execCommand("copy"); t.remove(); }
  say("Copied " + what);
};
/* A list of accounts is banned by somebody: it has those that are held to be the operator's own, or of a candidate nobody's. */
const isOwn = a => !a.known_good && (!a.role || a.role === "operator_owned");
const leftOut = list => { const n = list.filter(a => !isOwn(a)).length; return n ? `; left out ${int(n)} that ${n === 1 ? "is" : "are"} known-good or not held to be the operator's own` : ""; };
const copyOwn = list => { const own = list.filter(isOwn); copy(own.map(a => a.label).join("\n"), counted(own.length, "account") + leftOut(list)); };
const copyButton = (list, text, props) => btn(text || `Copy ${counted(list.filter(isOwn).length, "account")}`, () => copyOwn(list), { ...props, title: leftOut(list).replace("; ", "") || null });

/* What the reader set lives in the address: #view=… so that a link shows the same. */
const state = new URLSearchParams(location.hash.slice(1).includes("=") ? location.hash.slice(1) : "");
const put = (k, v) => { if (v == null || v === "") state.delete(k); else state.set(k, v); try { history.replaceState(null, "", "#" + state); } catch { location.hash = state; } };
/* What is read of it is read once. Another link to this page, or what is typed there, begins anew. */
addEventListener("hashchange", () => { if (location.hash !== "#" + state) location.reload(); });
/* A text as a few letters: the same in every report. Two lanes of FNV-1a. */
const digest = text => { let a = 0x811c9dc5, b = 0x050c5d1f; for (let i = 0; i < text.length; i++) { const c = text.charCodeAt(i); a = Math.imul(a ^ c, 0x01000193); b = Math.imul(b ^ (c + i), 0x01000193); } return (a >>> 0).toString(36) + "." + (b >>> 0).toString(36); };
document.addEventListener("click", e => {
  const a = e.target.closest && e.target.closest('a[href^="#"]');
  if (!a) return;
  e.preventDefault();
  const goal = $(a.getAttribute("href").slice(1)); if (goal.hidden) { if (nets.length) open(nets[0]); else say("There is no network to show"); return; } goal.scrollIntoView(); goal.tabIndex = -1; goal.focus({ preventScroll: true });
});

const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => root.dataset.theme === "dark";
const theme = () => { root.dataset.theme = state.get("theme") || (system.matches ? "dark" : "light"); $("theme").textContent = dark() ? "Light" : "Dark"; };
theme();
let repaint = () => {};
system.addEventListener("change", () => { theme(); repaint(); });
$("theme").onclick = () => { put("theme", dark() ? "light" : "dark"); theme(); repaint(); };

/* A table that sorts, filters and downloads. Columns: [title, value to sort by, {num, show, text, file}]; a file has the value, or what `file` says. Rows that o.below gives stay below theirs. */
function table(columns, rows, o = {}) {
  let by = o.by ?? -1, down = o.down ?? false, query = o.query || "", limit = o.page || 100;
  const body = el("tbody"), more = el("div", { cls: "tools" }), heads = [];
  const hay = rows.map(r => columns.map(c => { const v = c[1](r); return v == null ? "" : v; }).join("\u0001").toLowerCase());
  const chosen = () => {
    const q = query.toLowerCase().split(/\s+/).filter(Boolean);
    const list = rows.map((r, i) => i).filter(i => q.every(t => hay[i].includes(t)) && (!o.keep || o.keep(rows[i])));
    if (by >= 0) {
      const f = columns[by][1], sign = down ? -1 : 1;
      list.sort((a, b) => { const x = f(rows[a]), y = f(rows[b]); if (x == null || y == null) return (x == null) - (y == null) || a - b; return (x < y ? -1 : x > y ? 1 : 0) * sign || a - b; });
    }
    return list;
  };
  const line = (r, cls) => el("tr", { cls }, columns.map(([, f, c = {}]) => el("td", { cls: [c.num && "num", c.text && "text label", c.nowrap && "nowrap"].filter(Boolean).join(" ") || null }, c.show ? c.show(r) : c.num ? int(f(r)) : clean(f(r)))));
  const below = i => o.below ? o.below(rows[i]) : [];
  const draw = () => {
    const list = chosen();
    body.replaceChildren(...list.slice(0, limit).flatMap(i => {
      const tr = line(rows[i]);
      if (o.go) { tr.className = "go"; tr.addEventListener("click", () => o.go(rows[i])); if (o.on && o.on(rows[i])) tr.classList.add("on"); }
      return [tr, ...below(i).map(r => line(r, "below"))];
    }));
    if (!list.length) body.append(el("tr", null, el("td", { colspan: columns.length, cls: "empty" }, rows.length ? "Nothing matches the filter." : o.none || "None.")));
    heads.forEach((h, i) => h.setAttribute("aria-sort", i === by ? (down ? "descending" : "ascending") : "none"));
    more.replaceChildren(el("span", { cls: "dim small" }, `Showing ${int(Math.min(limit, list.length))} of ${int(o.total ?? list.length)}` + (o.total > rows.length ? ` (${int(rows.length)} are in this file)` : "")));
    if (list.length > limit) more.append(btn("Show 500 more", () => { limit += 500; draw(); }));
  };
  const head = el("tr", null, columns.map(([title, f, c = {}], i) => {
    const th = el("th", { scope: "col", cls: c.num ? "num" : null }, btn(title, () => { if (by === i) down = !down; else { by = i; down = !!c.num; } draw(); o.sorted && o.sorted(by, down); }));
    heads.push(th); return th;
  }));
  draw();
  more.style.margin = "8px 0 0";
  return {
    box: el("div", { cls: "scroll" + (o.tall ? " tall" : ""), tabindex: 0, role: "region", "aria-label": o.name }, el("table", null, el("thead", null, head), body)), more, draw,
    filter: q => { query = q; draw(); },
    csv: () => csv(o.name + ".csv", columns.map(c => c[0]), chosen().flatMap(i => [rows[i], ...below(i)]).map(r => columns.map(([, f, c = {}]) => (c.file || f)(r)))),
  };
}

/* Plots. */
const W = 560, H = 220, L = 46, B = 30;
const frame = title => svgEl("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
/* The least of 1, 2, 5, 10, 20 ... that is no less. */
const even = v => { const ten = 10 ** Math.floor(Math.log10(v)); return ten * [1, 2, 5, 10].find(m => m * ten >= v); };
function loglog(title, points, xName, yName, o = {}) {
  const s = frame(title), top = f => Math.max(1, Math.ceil(Math.log10(Math.max(2, ...points.map(f)))));
  const xm = o.cut ? Math.max(top(p => p[0]), Math.ceil(Math.log10(o.cut + 1))) : top(p => p[0]), ym = o.linear ? 4 * even(Math.max(1, ...points.map(p => p[1])) * 1.04 / 4) : top(p => p[1]);
  const X = v => L + (W - L - 14) * Math.log10(Math.max(1, v)) / xm, Y = v => H - B - (H - B - 14) * (o.linear ? Math.max(0, v) / ym : (0.06 * ym + Math.log10(Math.max(1, v))) / (1.06 * ym));
  for (let i = 0; i <= xm; i++) { s.append(svgEl("line", { x1: X(10 ** i), x2: X(10 ** i), y1: 14, y2: H - B, class: "axis" }), svgEl("text", { x: X(10 ** i), y: H - B + 14, "text-anchor": i === xm ? "end" : "middle" }, short(10 ** i))); }
  for (let i = 0; i <= (o.linear ? 4 : ym); i++) { const v = o.linear ? ym * i / 4 : 10 ** i; s.append(svgEl("line", { x1: L, x2: W - 14, y1: Y(v), y2: Y(v), class: "axis" }), svgEl("text", { x: L - 6, y: Y(v) + 4, "text-anchor": "end" }, short(v))); }
  s.append(svgEl("text", { x: W - 14, y: H - 3, "text-anchor": "end" }, xName), svgEl("text", { x: L, y: 9 }, yName));
  for (const [x, y, tip, cls, go] of points) {
    const c = svgEl("circle", { cx: X(x), cy: Y(y), r: o.linear ? 5 : 3.5, class: (cls || "mark") + (go ? " go" : ""), "fill-opacity": 0.8 });
    c.append(svgEl("title", {}, tip));
    if (go) { c.setAttribute("tabindex", 0); c.setAttribute("role", "link"); c.setAttribute("aria-label", tip); c.addEventListener("click", go); c.addEventListener("keydown", e => e.key === "Enter" && go()); }
    s.append(c);
  }
  if (o.cut) s.append(svgEl("line", { x1: X(o.cut), x2: X(o.cut), y1: 14, y2: H - B, class: "cut" }), svgEl("text", { x: X(o.cut) - 5, y: 26, class: "cuttext", "text-anchor": "end" }, "hub cut " + int(o.cut)));
  return s;
}
const dayOf = (first, i) => { const t = Date.parse(first + "T00:00:00Z"); return Number.isNaN(t) ? "day " + (i + 1) : new Date(t + i * 864e5).toISOString().slice(0, 10); };
function days(title, series, cls) {
  const s = frame(title), n = series.counts.length, max = Math.max(1, ...series.counts), w = (W - L - 14) / n;
  for (const f of [0, 0.5, 1]) { const y = H - B - f * (H - B - 14); s.append(svgEl("line", { x1: L, x2: W - 14, y1: y, y2: y, class: "axis" }), svgEl("text", { x: L - 6, y: y + 4, "text-anchor": "end" }, f === 0.5 && max < 2 ? "" : short(max * f))); }
  series.counts.forEach((c, i) => { const h = c / max * (H - B - 14), r = svgEl("rect", { x: L + i * w, y: H - B - h, width: Math.max(0.6, w - (w > 3 ? 1 : 0)), height: h, class: cls }); r.append(svgEl("title", {}, dayOf(series.first_day, i) + ": " + int(c))); s.append(r); });
  for (const [i, a] of [[0, "start"], [n >> 1, "middle"], [n - 1, "end"]].filter(([i, a]) => a === "start" || i > 0 && (a === "end" || i < n - 1))) s.append(svgEl("text", { x: L + (i + (a === "start" ? 0 : a === "end" ? 1 : 0.5)) * w, y: H - B + 15, "text-anchor": a }, clean(dayOf(series.first_day, i))));
  return s;
}
function spark(counts, title) {
  const s = svgEl("svg", { viewBox: "0 0 96 22", class: "spark", role: "img", "aria-label": title }), n = Math.min(48, counts.length), max = [];
  for (let i = 0; i < n; i++) { let t = 0; const a = Math.floor(i * counts.length / n), b = Math.floor((i + 1) * counts.length / n); for (let j = a; j < b; j++) t += counts[j]; max.push(t / (b - a)); }
  const top = Math.max(1e-9, ...max);
  max.forEach((v, i) => s.append(svgEl("rect", { x: i * 96 / n, width: Math.max(1, 96 / n - 0.6), y: 22 - 21 * v / top, height: 21 * v / top, class: "mark" })));
  return s;
}
const bars = (list, none) => {
  if (!list.length) return el("p", { cls: "dim" }, none);
  const all = list.reduce((a, b) => a + b.count, 0) || 1;
  return el("div", { cls: "bars" }, list.map(e => [el("span", { cls: "label" }, clean(e.name)), el("progress", { max: all, value: e.count, "aria-label": clean(e.name) }), el("span", { cls: "num" }, `${int(e.count)} (${pct(e.count / all)})`)]));
};

/* Head. */
const k = data.key_numbers;
document.title = `hydralink report ${clean(run.run_id)}`;
$("run-id").textContent = clean(run.run_id);
$("summary").append(
  el("p", { cls: "lead" }, `${day(run.first_event)} to ${day(run.last_event)} · hydralink ${clean(run.tool_version)}${run.generated_at ? " · written " + clean(run.generated_at) : ""}`),
  el("div", { cls: "tiles" }, [["Networks over threshold", int(k.networks), k.networks_rejected ? int(k.networks_rejected) + " more rejected by people" : ""], ["Accounts inside", int(k.accounts_in_networks), k.accounts ? pct(k.accounts_in_networks / k.accounts) + " of accounts" : ""], ["Already banned", int(k.accounts_banned), k.accounts_in_networks ? pct(k.accounts_banned / k.accounts_in_networks) + " of those inside" : ""], ["Accounts", int(k.accounts)], ["Identifiers", int(k.identifiers)], ["Sightings", int(k.sightings)], ["Events", int(k.events)]].map(([t, v, sub]) => el("div", { cls: "card tile" }, el("b", null, v), el("span", null, t, sub ? el("br") : null, sub)))));

/* Ranked networks. */
const chip = s => el("span", { cls: "chip " + s }, s);
const badge = n => `${counted(n.account_count, "account")}, ${num(n.score_bits, 1)} bits`;
let ranked, strength = state.get("strength") || "";
if (!nets.length) $("networks").append(el("div", { cls: "card" }, empty("No network passed the thresholds. That is a finding too: see Run for the rules and Left out for what was cut.")));
else {
  ranked = table([
    ["Rank", n => n.rank, { num: 1 }],
    ["Network", n => n.id, { nowrap: 1, show: n => btn(clean(n.id), e => { e.stopPropagation(); open(n); }, { cls: "link" }) }],
    ["Strength", n => ["Low", "Medium", "High"].indexOf(n.strength), { show: n => chip(n.strength), file: n => n.strength }],
    ["Why", n => n.why, { text: 1 }],
    ["Score, bits", n => n.score_bits, { num: 1, show: n => num(n.score_bits, 1) }],
    ["q", n => n.q_value, { num: 1, show: n => num(n.q_value, 3) }],
    ["Accounts", n => n.account_count, { num: 1 }],
    ["Exchanges", n => n.exchanges, { num: 1 }],
    ["+7 d", n => n.growth_7d, { num: 1 }],
    ["Banned", n => n.share_banned, { num: 1, show: n => pct(n.share_banned) }],
    ["Last seen", n => n.last_seen, { nowrap: 1, show: n => day(n.last_seen) }],
    ["Activity", n => n.activity.counts.reduce((a, b) => a + b, 0), { show: n => spark(n.activity.counts, "Exchanges a day") }],
  ], nets, { name: "networks", by: +(state.get("sort") ?? 0), down: state.get("down") === "1", query: state.get("q"), total: Math.max(nets.length, k.networks), go: open, on: n => state.get("net") === n.id, keep: n => !strength || n.strength === strength, sorted: (b, d) => { put("sort", b); put("down", d ? "1" : ""); } });
  const q = el("input", { type: "search", placeholder: "Filter: id, words of the reason …", "aria-label": "Filter the networks", oninput: e => { put("q", e.target.value); ranked.filter(e.target.value); } });
  q.value = state.get("q") || "";
  const pick = el("select", { "aria-label": "Strength", onchange: e => { strength = e.target.value; put("strength", strength); ranked.draw(); } }, ["", "High", "Medium", "Low"].map(s => el("option", { value: s, selected: s === strength }, s || "Any strength")));
  $("networks").append(el("div", { cls: "tools" }, q, pick, btn("Download CSV", ranked.csv, { cls: "push" })), ranked.box, ranked.more);
}

/* One network. */
function open(n, quiet) {
  const i = nets.indexOf(n), s = $("network");
  put("net", n.id); ranked.draw(); s.hidden = false; $("to-network").hidden = false;
  const ids = table([["Identifier", r => r.label, { show: r => label(r.label) }], ["Kind", r => r.kind], ["Class", r => r.class], ["Members", r => r.members, { num: 1 }], ["All accounts", r => r.total_accounts, { num: 1 }], ["Exclusive", r => r.exclusivity, { num: 1, show: r => pct(r.exclusivity) }], ["First seen", r => r.first_seen, { nowrap: 1, show: r => day(r.first_seen) }], ["Last seen", r => r.last_seen, { nowrap: 1, show: r => day(r.last_seen) }]], n.top_identifiers, { name: "identifiers-" + n.id, page: 25, total: Math.max(n.top_identifiers.length, n.identifiers_by_kind.reduce((a, b) => a + b.count, 0)) });
  const acc = table([["Account", r => r.label, { show: r => label(r.label) }], ["Membership", r => r.membership], ["Role", r => r.role, { show: r => words(r.role) }], ["Confidence", r => r.confidence, { num: 1, show: r => num(r.confidence, 2) }], ["Bits", r => r.bits, { num: 1, show: r => num(r.bits) }], ["Exchanges", r => r.exchanges, { num: 1 }], ["Created", r => r.created, { nowrap: 1, show: r => day(r.created) }], ["Banned", r => r.banned ? "yes" : "no"], ["Known-good", r => r.known_good ? "yes" : "no"]], n.accounts, { name: "accounts-" + n.id, page: 50, tall: 1, total: n.account_count });
  const sig = table([["Signal", r => r.name], ["Found", r => r.value, { num: 1, show: r => num(r.value, 2) }], ["Expected", r => r.expected, { num: 1, show: r => num(r.expected, 2) }], ["Bits", r => r.bits, { num: 1, show: r => num(r.bits) }], ["p", r => r.p, { num: 1, show: r => (r.p === 0 ? "<1e-300" : num(r.p, 3)) + (r.beyond ? "*" : "") }]], n.signals, { name: "signals-" + n.id, below: r => r.tests });
  const parts = table([["Part", r => r[0]], ["Bits", r => r[1], { num: 1, show: r => r[1] }], ["Rules out", r => r[2], { text: 1 }]], n.score_parts, { name: "parts-" + n.id });
  const step = (d, t) => btn(t, () => open(nets[i + d]), { disabled: !nets[i + d] });
  const find = el("input", { type: "search", placeholder: "Filter accounts", "aria-label": "Filter accounts", oninput: e => acc.filter(e.target.value) });
  s.replaceChildren(
    el("div", { cls: "head" }, el("h2", { id: "h-network" }, "Network " + clean(n.id)), chip(n.strength), el("div", { cls: "push" }, step(-1, "← Previous"), step(1, "Next →"), btn("Show in graph", () => shown && shown.network(i), { disabled: !data.graph.label.length }))),
    el("div", { cls: "card" }, el("p", { cls: "label" }, clean(n.why)), el("p", { cls: "label dim" }, "Best innocent explanation: " + (clean(n.benign_hypothesis) || "none given")),
      el("div", { cls: "facts small" }, [["rank", int(n.rank)], ["score", num(n.score_bits, 1) + " bits"], ["q", num(n.q_value, 3)], ["accounts", int(n.account_count)], ["exchanges", int(n.exchanges)], ["joined in 7 days", int(n.growth_7d)], ["banned", pct(n.share_banned)], ["seen", day(n.first_seen) + " to " + day(n.last_seen)]].map(([t, v]) => el("span", null, el("b", null, v), " ", el("span", { cls: "dim" }, t))))),
    el("div", { cls: "grid2" },
      n.decided.length ? el("div", { cls: "wide" }, card("Decided by people", lines(n.decided))) : null,
      el("div", { cls: "wide" }, card("What was found", lines(n.findings, "Nothing that speaks for an operator."))),
      card("What speaks against it", lines(n.counter_evidence, "Nothing found.")), card("How the score comes about", parts.box),
      n.not_measured.length ? el("div", { cls: "wide" }, card("What could not be measured", lines(n.not_measured))) : null,
      card("Score card", sig.box, n.signals.some(s => s.beyond) && el("p", { cls: "dim small" }, "* beyond all draws: the p-value is what these say, the bits rest on the tail fitted to them.")), el("div", { cls: "stack" }, card("Accounts by role", bars(n.roles.map(r => ({ ...r, name: words(r.name) })), "Not told: it isn't flagged.")), card("Identifiers by kind", bars(n.identifiers_by_kind, "None.")), el("div", { cls: "grid2" }, card("Accounts by pathway", bars(n.pathways, "Not recorded.")), card("Exchanges by model", bars(n.models, "Not recorded.")))),
      card("Exchanges a day", n.activity.counts.length ? days("Exchanges a day", n.activity, "mark") : empty("No activity recorded.")),
      card("Accounts created a day", n.registrations.counts.length ? days("Accounts created a day", n.registrations, "mark2") : empty("No creation dates recorded.")),
      card("What would change the verdict", lines(n.would_change, "Nothing stated.")),
      card("Fragile identifiers", n.fragile.length ? el("ul", null, n.fragile.map(f => el("li", null, label(f.label), ` (${clean(f.kind)}): `, el("span", { cls: "label" }, clean(f.consequence))))) : el("p", { cls: "dim" }, "None: no single identifier holds it together.")),
      card("Shared templates", n.templates.length ? el("ul", null, n.templates.map(t => el("li", null, label(t.skeleton), el("div", { cls: "dim small" }, `${counted(t.accounts, "account")}, ${counted(t.exchanges, "exchange")}`)))) : el("p", { cls: "dim" }, "None shared.")),
      el("div", { cls: "wide" }, el("div", { cls: "tools" }, el("h3", null, "Strongest identifiers"), btn("Download CSV", ids.csv, { cls: "push" })), ids.box, ids.more),
      el("div", { cls: "wide" }, el("div", { cls: "tools" }, el("h3", null, "Accounts"), find, copyButton(n.accounts, "Copy list", { cls: "push" }), btn("Download CSV", acc.csv)), leftOut(n.accounts) ? el("p", { cls: "dim small", id: "spared" }, "Copy list" + leftOut(n.accounts).replace(";", "").replace("left", "leaves") + ". Look at these first; the CSV has every account with its role.") : null, acc.box, acc.more)));
  if (!quiet) s.scrollIntoView();
}

/* Plots, left out, run. */
function rest() {
  const plots = el("div", { cls: "grid2" });
  plots.append(card("Component sizes", data.component_sizes.length ? loglog("Component sizes", data.component_sizes.map(b => [b.size, b.count, `${int(b.count)} components of ${int(b.size)}`]), "size", "components") : empty("Not recorded.")));
  plots.append(card("Size and strength", nets.length ? loglog("Networks by size and score", nets.map(n => [n.account_count, n.score_bits, `${clean(n.id)}: ${badge(n)}`, n.strength === "High" ? "hi" : n.strength === "Medium" ? "me" : "lo", () => open(n)]), "accounts", "score, bits", { linear: 1 }) : empty("No networks.")));
  for (const h of data.degree_histograms) plots.append(card("Accounts per identifier: " + clean(h.kind), h.bins.length ? loglog("Accounts per identifier", h.bins.map(b => [b.size, b.count, `${counted(b.count, "identifier")} with ${counted(b.size, "account")}`]), "accounts", "identifiers", { cut: h.hub_cut }) : empty("None of this kind.")));
  $("plots").append(plots);
  const hubs = table([["Identifier", r => r.label, { show: r => label(r.label) }], ["Kind", r => r.kind], ["Class", r => r.class], ["Accounts", r => r.accounts, { num: 1 }], ["Why it was cut", r => r.reason, { text: 1 }]], data.hubs, { name: "hubs", by: 3, down: true, none: "No identifier was cut.", page: 25 });
  $("left-out").append(el("p", { cls: "lead" }, "A hub is shared so widely that sharing it says little. It stays counted, but links nobody."), el("div", { cls: "tools" }, el("h3", null, "Hubs cut"), btn("Download CSV", hubs.csv, { cls: "push" })), hubs.box, hubs.more,
    el("div", { cls: "grid2" }, card("Shortened lists", lines(data.capped.map(c => `${c.section}: showing ${int(c.shown)} of ${int(c.total)}`), "None: everything is shown.")), card("Limits", lines(data.limits, "None stated."))));
  const rejected = run.rejected.reduce((a, b) => a + b.rows, 0);
  $("run").append(el("div", { cls: "grid2" },
    card("This run", el("dl", null, [["Run", run.run_id], ["Tool", "hydralink " + run.tool_version], ...(run.generated_at ? [["Written", run.generated_at]] : []), ["First event", run.first_event], ["Last event", run.last_event], ["Rows read", int(run.rows_read)], ["Rows rejected", int(rejected) + (run.rows_read ? ` (${pct(rejected / run.rows_read)})` : "")], ...run.rejected.map(r => ["– " + clean(r.reason), int(r.rows)]), ...run.unread.map(f => [`Rows kept without ${clean(f.field)} (${clean(f.reason)})`, int(f.rows)])].map(([a, b]) => [el("dt", null, a), el("dd", null, clean(b))]))),
    card("Rules and thresholds", run.rules.length ? el("dl", null, run.rules.map(r => [el("dt", null, clean(r.name)), el("dd", { cls: "mono" }, clean(r.value))])) : el("p", { cls: "dim" }, "None stated.")),
    el("div", { cls: "card wide" }, el("h3", null, "Input files"), run.inputs.length ? el("dl", null, run.inputs.map(f => [el("dt", null, label(f.name)), el("dd", null, int(f.rows) + " rows", el("br"), label(f.hash))])) : el("p", { cls: "dim" }, "None stated."))));
}

let firstPicture = null, shown = null;
shown = graph();
requestAnimationFrame(() => setTimeout(() => {
  rest();
  const n = nets.find(n => n.id === state.get("net"));
  if (n) open(n, true);
  window.hydralinkReport = { firstPicture, hover: shown && shown.hover, nodes: data.graph.label.length, at: shown && shown.at, drawn: shown && shown.drawn };
}));
