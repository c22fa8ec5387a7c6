"use strict";
(async function () {
  // ---- what is embedded ----
  const packed = document.getElementById("data").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());

  const MEASURES = {
    tau: { sign: "τ", name: "Kendall's τ", zero: 0, span: 1, sized: true },
    rho: { sign: "ρ", name: "Spearman's ρ", zero: 0, span: 1, sized: true },
    ndcg: { sign: "nDCG", name: "nDCG of the top 10 %", zero: 0.5, span: 0.5 },
    top: { sign: "top 10 %", name: "overlap of the top 10 %", zero: 0.1, span: 0.9 },
  };
  const CONTROLS = { "": "as it is", params: "equal parameters", flops: "equal FLOPs" };

  const benches = [];
  data.groups.forEach((group) => {
    let bench = benches.find((each) => each.name === group.benchmark);
    if (!bench) benches.push((bench = { name: group.benchmark, title: group.titles[0], groups: [] }));
    bench.groups.push(group);
    group.bench = bench;
    group.title = bench.title;
  });
  benches.forEach((bench) => {
    bench.groups.sort((a, b) => Object.keys(b.cells).length - Object.keys(a.cells).length);
    if (bench.groups.length > 1) bench.groups.forEach((group) => (group.title = `${bench.title}, ${group.titles[1]}`));
  });
  data.rows.forEach((row, place) => {
    row.place = place; row.id = row.name;
    row.summary = row.summary.replace(/^Compute (the )?(.)/, (_, the, first) => first.toUpperCase());
  });
  benches.sort((a, b) => covered(b) - covered(a));
  const largest = benches[0];
  const titleOf = (name) => (benches.find((bench) => bench.name === name) || { title: name }).title;
  const groups = benches.flatMap((bench) => bench.groups);
  function covered(bench) {
    return data.rows.filter((row) => row.kind !== "variant" && bench.groups.some((group) => group.cells[row.place])).length;
  }

  // ---- elements ----
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    Object.entries(attributes || {}).forEach(([name, value]) => {
      if (value === null || value === undefined || value === false) return;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked") element[name] = value;
      else element.setAttribute(name, value === true ? "" : value);
    });
    children.flat(Infinity).forEach((child) => {
      if (child !== null && child !== undefined && child !== false) element.append(child);
    });
    return element;
  }
  const put = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  const breakable = (name) => name.split(/(?<=_)/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));
  const minus = (text) => text.replace("-", "−");
  const fixed = (value, digits = 2) => (value === null || value === undefined ? "–" : minus(value.toFixed(digits)));
  const count = (value) => value.toLocaleString("en");
  const interval = (each, digits = 2) =>
    !each ? "–" : fixed(each[0], digits) + (each[1] === null ? "" : ` [${fixed(each[1], digits)}, ${fixed(each[2], digits)}]`);
  const truthOf = (group) => group.truth + (group.meaning ? `, ${group.meaning}` : "") + (group.source ? `: ${group.source}` : "");
  const percent = (part, whole) => (whole ? Math.round((100 * part) / whole) : 0);

  // ---- the view, which the address holds ----
  const DEFAULTS = { v: "overview", m: "tau", c: "", q: "", need: "", sort: largest ? largest.name : "", dir: "down", apart: "", variants: "", hide: "", b: "", p: "", x: "", f: "", card: "" };
  let state = read();
  function read() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const found = { ...DEFAULTS, ...given };
    if (!MEASURES[found.m]) found.m = "tau";
    if (!(found.c in CONTROLS) || !MEASURES[found.m].sized) found.c = "";
    return found;
  }
  function address(changes) {
    const next = { ...state, ...changes };
    const shown = Object.entries(next).filter(([name, value]) => value !== DEFAULTS[name] && name in DEFAULTS);
    return "#" + new URLSearchParams(shown).toString();
  }
  function change(changes, quietly) {
    const hash = address(changes);
    history.replaceState(null, "", hash === "#" ? "#v=overview" : hash);
    state = read();
    if (!quietly) draw();
  }
  window.addEventListener("hashchange", () => { state = read(); draw(); });

  const key = () => state.m + (state.c ? `|${state.c}` : "");
  const heading = () => MEASURES[state.m].name + (state.c ? ` at ${CONTROLS[state.c]}` : "");

  // ---- numbers ----
  function folded(row, bench, measure = key()) {
    const cells = bench.groups.map((group) => [group, group.cells[row.place]]).filter(([, cell]) => cell && cell.is[measure]);
    if (!cells.length) return null;
    const mean = cells.reduce((sum, [, cell]) => sum + cell.is[measure][0], 0) / cells.length;
    return { value: mean, cells, of: bench.groups.length, among: cells.every(([, cell]) => cell.among.includes(measure)) };
  }
  function columns() {
    const hidden = state.hide.split(",");
    const all = state.apart
      ? groups.map((group) => ({ id: `${group.benchmark}/${group.dataSet}`, title: group.title, bench: { ...group.bench, groups: [group] } }))
      : benches.map((bench) => ({ id: bench.name, title: bench.title, bench }));
    return all.map((each) => ({ ...each, hidden: hidden.includes(each.id) }));
  }
  function meanOf(row) {
    const found = benches.map((bench) => folded(row, bench)).filter(Boolean);
    return found.length ? { value: found.reduce((sum, each) => sum + each.value, 0) / found.length, n: found.length } : null;
  }
  function visibleRows() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    return data.rows.filter((row) => {
      if (row.kind === "variant" && !state.variants) return false;
      if (state.need === "nodata" && (!row.needs || row.needs.includes("data") || row.needs.includes("labels"))) return false;
      if (state.need === "nolabels" && (!row.needs || row.needs.includes("labels"))) return false;
      const text = `${row.name} ${row.summary} ${row.members.join(" ")}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }
  const withoutData = (row) => row.needs && !row.needs.includes("data") && !row.needs.includes("labels");

  // ---- colours, tips, and the card of a cell ----
  function shade(value) {
    const { zero, span } = MEASURES[state.m];
    const step = Math.max(-10, Math.min(10, Math.round((10 * (value - zero)) / span)));
    return (step < 0 ? "m" : "p") + Math.abs(step);
  }
  const tip = document.getElementById("tip");
  function show(target, text) {
    tip.textContent = text;
    tip.hidden = false;
    const box = target.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.max(6, Math.min(innerWidth - own.width - 6, box.left + box.width / 2 - own.width / 2));
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : box.bottom + 8}px`;
    target.setAttribute("aria-describedby", "tip");
  }
  function hide(target) { tip.hidden = true; if (target) target.removeAttribute("aria-describedby"); }
  function tipped(element, text) {
    ["mouseenter", "focus"].forEach((name) => element.addEventListener(name, () => show(element, text())));
    ["mouseleave", "blur"].forEach((name) => element.addEventListener(name, () => hide(element)));
    return element;
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  function summary(row, column) {
    const lines = [`${row.name} on ${column.title}`];
    column.bench.groups.forEach((group) => {
      const cell = group.cells[row.place], title = column.bench.groups.length > 1 ? `${group.titles[1]}: ` : "";
      if (!cell) return lines.push(`${title}not measured`);
      const rank = cell.rank[key()];
      lines.push(`${title}${MEASURES[state.m].sign} ${interval(cell.is[key()])}` +
        (rank ? `, rank ${rank[0]}${rank[1] === rank[2] ? "" : ` (${rank[1]}–${rank[2]})`}` : ""));
      lines.push(`  N ${count(cell.n)}, undefined ${count(cell.undefined)}` +
        (cell.undefined ? ` (${percent(cell.undefined, cell.scored)} %)` : "") + (cell.failed ? `, failed ${count(cell.failed)}` : ""));
    });
    if (row.chosenOn.includes(column.bench.name)) lines.push("† accuracies of this benchmark helped to choose its members");
    lines.push("Enter or click: provenance, commands");
    return lines.join("\n");
  }

  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  function commands(row, group, cell) {
    const same = cell.entries.map((place) => data.entries[place]);
    const scored = [...new Set(same.map((each) => each.command).filter(Boolean))];
    const paths = [...new Set(same.map((each) => quoted(each.path || each.name)))].join(" ");
    const more = row.kind === "aggregate" ? ` --aggregate ${quoted(cell.label)}` : "";
    const truth = ` --truth ${quoted(group.truth.replace(/^−/, ""))}`;
    return [...(scored.length ? [`# the scores\n${scored.join("\n")}`] : []), `# this number, and the page\nnas-zc leaderboard ${paths}${truth}${more} --output leaderboard`].join("\n");
  }

  const card = document.getElementById("card");
  card.addEventListener("close", () => change({ card: "" }, true));
  card.addEventListener("click", (event) => { if (event.target === card) card.close(); });
  function openCard() {
    const [name, id] = state.card.split("@");
    const row = data.rows.find((each) => each.name === name);
    const asked = groups.filter((group) => group.benchmark === id || `${group.benchmark}/${group.dataSet}` === id);
    if (!row || !asked.length) return;
    const measured = asked.filter((group) => group.cells[row.place]), missing = asked.filter((group) => !group.cells[row.place]);
    const first = measured[0] || asked[0];
    put(card,
      h("button", { class: "plain close", type: "button", onclick: () => card.close() }, "Close"),
      h("h2", { id: "card-title" }, `${row.name} on ${asked.length > 1 ? first.bench.title : first.title}`),
      row.summary && h("p", {}, row.summary),
      h("p", {}, h("a", { href: address({ v: "proxy", p: row.name, card: "" }) }, `All of ${row.name}`), " · ",
        h("a", { href: address({ v: "benchmark", b: `${first.benchmark}/${first.dataSet}`, x: row.name, card: "" }) }, `All of ${first.title}`)),
      measured.map((group) => provenance(row, group)),
      missing.length > 0 && h("p", { class: "note" }, `Not measured on ${missing.map((group) => group.title).join(" and ")}.`));
    if (!card.open) card.showModal();
  }
  function provenance(row, group) {
    const cell = group.cells[row.place];
    const entry = data.entries[cell.entry];
    const rows = Object.entries(cell.is).map(([measure, each]) => {
      const [name, control] = measure.split("|"), rank = cell.rank[measure];
      return h("tr", {}, h("th", { scope: "row" }, MEASURES[name].name + (control ? ` at ${CONTROLS[control]}` : "")),
        h("td", { class: cell.among.includes(measure) ? "best" : null }, interval(each, 3)),
        h("td", {}, !rank ? "–" : rank[1] === rank[2] ? rank[0] : `${rank[0]} (${rank[1]}–${rank[2]})`));
    });
    const sized = Object.keys(cell.is).filter((measure) => measure.includes("|")).length;
    return h("section", {}, h("h3", {}, group.title),
      h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `${row.name}, ${group.title}` }, h("table", {}, h("thead", {}, h("tr", {}, ["measure", "value [95 %]", "rank"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows))),
      h("p", { class: "note" }, "Make it again:"), h("pre", { tabindex: 0 }, commands(row, group, cell)),
      !sized && h("p", { class: "note" }, "Sizes are not known here, so nothing is said at equal size."),
      h("dl", { class: "facts" },
        pair("networks", `${count(cell.n)} with a score; ${count(cell.undefined)} undefined, ${count(cell.failed)} failed; ${count(group.n)} in this comparison, ${count(group.classes)} classes of identical or related ones among those compared`),
        cell.undefined ? pair("undefined", why(row, cell, group)) : null, pair("accuracy", truthOf(group)),
        pair("selects", picked(cell, group)),
        pair("scores", `${cell.entries.map((place) => data.entries[place].path || data.entries[place].name).join(", ")}: ${row.kind === "aggregate" ? "joined from" : "column"} ${row.kind === "aggregate" ? row.members.join(", ") : cell.label}, version ${cell.version}` + options(cell)),
        neighbours(cell), cell.seconds !== null && pair("time", `${cell.seconds} s a network (median, as it was measured)`),
        cell.others.length ? pair("also measured", cell.others.map((each) => `${data.entries[each.entry].name} (N ${count(each.n)}, τ ${fixed(each.tau)})`).join("; ")) : null),
      h("details", {}, h("summary", {}, "How the scores were made"), h("pre", { tabindex: 0 }, entry.notes.join("\n"))));
  }
  function neighbours(cell) {
    const beside = cell.beside[key()];
    if (!beside || !beside.length) return null;
    return pair("next to it", `by ${heading()}: ` + beside.map(([place, value, low, high, n]) => {
      const signed = (each) => (each > 0 ? "+" : "") + fixed(each, 3);
      return `${data.rows[place].name} ${value === null ? "(too few networks in common)" : `${signed(value)} [${signed(low)}, ${signed(high)}], N ${count(n)}`}`;
    }).join("; ") + " (this one less the other, on the networks that both define)");
  }
  const options = (cell) => { const each = Object.entries(cell.options); return each.length ? `, ${each.map(([name, value]) => `${name} ${value}`).join(", ")}` : ""; };
  const pair = (name, text) => [h("dt", {}, name), h("dd", {}, text)];
  function picked(cell, group) {
    if (!cell.pick) return "no network: no score is defined";
    const { y, low, high, rank, worst, count: number, keys } = cell.pick;
    const where = number > 1 ? `${count(number)} networks share the best score: ${low} to ${high}, mean ${y}, ranks ${count(rank)} to ${count(worst)}` : `accuracy ${y}, rank ${count(rank)}`;
    return `${where} of ${count(group.n)} (best ${group.best}): ${keys.join("  ")}${number > keys.length ? " …" : ""}`;
  }

  // ---- overview ----
  function switcher(name, title, choices, chosen, pick) {
    return h("fieldset", {}, h("legend", {}, title), h("div", { class: "switch" }, choices.map(([value, text, disabled]) =>
      h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, disabled, onchange: () => pick(value) }), h("span", {}, text)))));
  }
  function check(text, name) {
    return h("label", { class: "check" }, h("input", { type: "checkbox", name, checked: !!state[name], onchange: (event) => change({ [name]: event.target.checked ? "1" : "" }) }), text);
  }
  function measureSwitch() {
    const sized = MEASURES[state.m].sized;
    return [
      switcher("measure", "Agreement by", Object.entries(MEASURES).map(([id, each]) => [id, each.sign]), state.m, (m) => change({ m })),
      switcher("control", "Networks of", [["", "all sizes"], ["params", "equal parameters", !sized], ["flops", "equal FLOPs", !sized]], state.c, (c) => change({ c })),
    ];
  }
  function controls() {
    const search = h("input", { type: "search", name: "q", value: state.q, placeholder: "name or word", oninput: (event) => { change({ q: event.target.value }, true); fill(); } });
    const need = h("select", { name: "need", onchange: (event) => change({ need: event.target.value }) },
      [["", "anything"], ["nolabels", "no labels"], ["nodata", "no data, no labels"]].map(([value, text]) => h("option", { value, selected: value === state.need }, text)));
    return h("div", { class: "controls" }, measureSwitch(),
      h("label", { class: "top" }, "Find", search), h("label", { class: "top" }, "Needs", need),
      check("data sets apart", "apart"), data.rows.some((row) => row.kind === "variant") && check("variants of proxies", "variants"),
      h("details", { class: "columns" }, h("summary", {}, "Columns"), h("div", {}, columns().map((each) =>
        h("label", { class: "check" }, h("input", { type: "checkbox", checked: !each.hidden, onchange: () => toggle(each.id) }), each.title)))));
  }
  function toggle(id) {
    const hidden = state.hide.split(",").filter(Boolean);
    change({ hide: (hidden.includes(id) ? hidden.filter((each) => each !== id) : [...hidden, id]).join(",") });
    const details = document.querySelector("details.columns");
    if (details) details.open = true;
  }
  function cards() {
    return h("div", { class: "cards" }, benches.map((bench) => {
      const every = data.rows.map((row) => [row, folded(row, bench)]).filter(([, each]) => each);
      const usual = every.filter(([row]) => row.kind !== "variant"), rows = usual.some(([row]) => !row.trivial) ? usual : every;
      if (!rows.length) return null;
      const top = (kept) => rows.filter(([row]) => kept(row)).sort((a, b) => b[1].value - a[1].value)[0];
      const line = (text, found) => found && [h("dt", {}, text), h("dd", { class: "name" }, h("b", {}, h("a", { href: address({ card: `${found[0].name}@${bench.name}` }) }, breakable(found[0].name))), found[0].chosenOn.includes(bench.name) ? " †" : "",
        h("small", {}, " " + [found[0].units !== null && `${units(found[0])} units`, missed(found[1]), found[1].cells.length < found[1].of && `${found[1].cells.length} of ${found[1].of} sets`].filter(Boolean).join(", "))), h("dd", {}, h("b", {}, fixed(found[1].value)))];
      const best = top(withoutData), params = rows.find(([row]) => row.name === "params");
      return h("article", { class: "card" }, h("h2", {}, "Best on ", h("a", { href: address({ v: "benchmark", b: `${bench.name}/${bench.groups[0].dataSet}` }) }, bench.title)),
        h("dl", {}, line("without data", best), line("with data", top((row) => row.needs && !withoutData(row))), !state.c && line("baseline", params)),
        best && versus(best[0], bench));
    }));
  }
  function missed(each) {
    const undef = each.cells.reduce((sum, [, cell]) => sum + cell.undefined, 0), all = each.cells.reduce((sum, [, cell]) => sum + cell.scored, 0);
    return undef ? `${percent(undef, all) || "<1"} % undefined` : "";
  }
  function versus(row, bench) {
    if (row.name === "params") return h("p", {}, "Nothing without data beats the number of parameters here.");
    const params = data.rows.find((each) => each.name === "params");
    const equal = folded(row, bench, "tau|params");
    const won = bench.groups.filter((group) => group.cells[row.place]).map((group) => {
      const mine = group.ranked.indexOf(row.place), theirs = params ? group.ranked.indexOf(params.place) : -1;
      return mine < 0 || theirs < 0 ? "?" : group.wins.tau[mine][theirs];
    });
    const words = won.every((each) => each === "+") ? "beats the number of parameters" : won.includes("?") ? "was not compared with parameters" : won.every((each) => each === "-") ? "is behind the number of parameters" : "is not everywhere told from the number of parameters";
    return h("p", {}, `${row.name} ${words}`, equal ? `; at equal parameters it still has τ ${fixed(equal.value)}` : "", ".");
  }
  const units = (row) => (row.units < 0.1 ? row.units.toFixed(2) : row.units.toFixed(1));

  function overview(main) {
    put(main, cards(),
      h("p", { class: "note" }, "Cost: 1 unit is a forward and a backward pass of the same network on the same batch. † Accuracies of this benchmark helped to choose it. A click on a name, or on any number below, tells how many scores are undefined and why, where the number comes from, and the command that makes it again."),
      controls(),
      h("div", { class: "wide tall", tabindex: 0, role: "region", "aria-label": "Proxies by benchmark" }, h("table", { id: "board" })),
      legend(), winsSection());
    fill();
  }
  const FACTS = [["labels", "labels"], ["data", "data"]];
  function fill() {
    const table = document.getElementById("board");
    if (!table) return;
    const shown = columns().filter((each) => !each.hidden);
    const reference = shown.find((each) => each.id === state.sort) || shown[0];
    const rows = sorted(visibleRows().map((row) => ({ row, cells: shown.map((each) => folded(row, each.bench)), mean: meanOf(row) })), shown)
      .filter((line) => line.cells.some(Boolean) || !state.q);
    const head = (id, text, sub, word) => {
      const on = state.sort === id;
      return h("th", { scope: "col", class: word ? "word" : null, "aria-sort": on ? (state.dir === "down" ? "descending" : "ascending") : null },
        h("button", { type: "button", "data-sort": id, onclick: () => sortBy(id) }, text), sub && h("small", {}, sub));
    };
    const rankOf = reference ? ranks(reference.bench) : null;
    table.replaceChildren(
      h("caption", { class: "skip" }, heading()),
      h("thead", {}, h("tr", {}, head("name", "proxy or aggregate", null, true), reference && head("rank", "rank", reference.title), head("mean", "mean", "of benchmarks"),
        shown.map((each) => head(each.id, each.title, each.bench.groups.length > 1 ? `${each.bench.groups.length} data sets` : null)),
        FACTS.map(([id, text]) => head(id, text, "needed")), head("supervised", "supervised"), head("units", "cost", "units"))),
      h("tbody", {}, rows.map((line) => body(line, shown, rankOf))));
    const first = table.querySelector("td.value button");
    if (first) first.tabIndex = 0;
  }
  function sortBy(id) {
    const up = id === "name" || id === "rank" || id === "units";
    const dir = state.sort === id ? (state.dir === "down" ? "up" : "down") : up ? "up" : "down";
    change({ sort: id, dir }, true);
    fill();
    const again = [...document.querySelectorAll("#board [data-sort]")].find((each) => each.dataset.sort === id);
    if (again) again.focus();
  }
  function sorted(lines, shown) {
    const place = shown.findIndex((each) => each.id === state.sort);
    const reference = shown[0] ? ranks(shown[0].bench) : new Map();
    const value = (line) => {
      const { row } = line;
      if (state.sort === "name") return row.name.toLowerCase();
      if (state.sort === "mean") return line.mean && line.mean.value;
      if (state.sort === "rank") return reference.has(row.place) ? reference.get(row.place).rank : null;
      if (state.sort === "units") return row.units;
      if (state.sort === "labels" || state.sort === "data") return row.needs ? +row.needs.includes(state.sort) : null;
      if (state.sort === "supervised") return +(row.chosenOn.length > 0);
      const cell = line.cells[place < 0 ? 0 : place];
      return cell && cell.value;
    };
    const sign = state.dir === "down" ? -1 : 1;
    return lines.map((line) => [value(line), line]).sort(([a, x], [b, y]) => {
      if (a === null || a === undefined || b === null || b === undefined) return (a === null || a === undefined) - (b === null || b === undefined);
      return (typeof a === "string" ? a.localeCompare(b) : a - b) * sign || x.row.name.localeCompare(y.row.name);
    }).map(([, line]) => line);
  }
  function ranks(bench) {
    const found = data.rows.filter((row) => row.kind !== "variant").map((row) => [row.place, folded(row, bench)]).filter(([, each]) => each);
    return new Map(found.map(([place, each]) => {
      const parts = each.cells.map(([, cell]) => cell.rank[key()]).filter(Boolean);
      const mean = (which) => Math.round(parts.reduce((sum, part) => sum + part[which], 0) / parts.length);
      const rank = 1 + found.filter(([, other]) => other.value > each.value).length;
      return [place, { rank, low: parts.length ? Math.min(rank, mean(1)) : rank, high: parts.length ? Math.max(rank, mean(2)) : rank }];
    }));
  }
  function body({ row, cells, mean }, shown, rankOf) {
    const rank = rankOf && rankOf.get(row.place);
    const yes = (on) => h("td", { class: on === null ? "no" : on ? "yes" : "no" }, on === null ? "?" : on ? "yes" : "no");
    const name = h("a", { href: address({ v: "proxy", p: row.name }) }, breakable(row.name));
    return h("tr", { class: `${row.kind}${row.trivial ? " trivial" : ""}`, "data-row": row.name },
      h("th", { scope: "row" }, name, row.trivial && h("span", { class: "tag" }, "count"), row.kind === "aggregate" && h("span", { class: "tag" }, "aggregate")),
      rankOf && h("td", { class: "rank" }, rank ? [rank.rank, rank.low !== rank.high && h("small", {}, ` ${rank.low}–${rank.high}`)] : "–"),
      h("td", {}, mean ? [fixed(mean.value), h("small", {}, ` (${mean.n})`)] : "–"),
      cells.map((each, place) => cellOf(row, each, shown[place])),
      yes(row.needs && row.needs.includes("labels")), yes(row.needs && row.needs.includes("data")),
      h("td", { class: row.chosenOn.length ? "yes" : "no" }, row.chosenOn.length ? "choice" : "no"),
      h("td", { class: "units" }, row.units === null ? "–" : units(row)));
  }
  function cellOf(row, each, column) {
    if (!each) {
      const there = column.bench.groups.find((group) => group.cells[row.place]);
      const button = h("button", { type: "button", tabindex: -1, class: "none", onkeydown: move, onclick: () => there && change({ card: `${row.name}@${column.id}` }), "aria-label": `${row.name}, ${column.title}: ${there ? "undefined" : "not measured"}` }, there ? "undef." : "·");
      return h("td", { class: "value" }, tipped(button, () => summary(row, column)));
    }
    const undef = each.cells.reduce((sum, [, cell]) => sum + cell.undefined, 0), all = each.cells.reduce((sum, [, cell]) => sum + cell.scored, 0);
    const few = percent(undef, all) >= 1 ? `${percent(undef, all)} % undef.` : "";
    const part = each.cells.length < each.of ? `${each.cells.length} of ${each.of} sets` : "";
    const mark = row.chosenOn.includes(column.bench.name) ? "†" : "";
    const parts = [few, part].filter(Boolean), words = parts.join(", ");
    const button = h("button", { type: "button", tabindex: -1, onkeydown: move, onclick: () => change({ card: `${row.name}@${column.id}` }),
      "aria-label": `${row.name}, ${column.title}: ${fixed(each.value)}${each.among ? ", not told from the best" : ""}${mark ? ", chosen on this benchmark" : ""}${words ? `, ${words}` : ""}` },
      fixed(each.value) + mark, parts.map((text) => h("small", {}, text)));
    return h("td", { class: `value ${shade(each.value)}${each.among ? " best" : ""}` }, tipped(button, () => summary(row, column)));
  }
  function move(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    const cell = event.target.closest("td"), row = cell.parentElement;
    const next = step[0] ? (step[0] < 0 ? row.previousElementSibling : row.nextElementSibling) : row;
    const target = next && next.cells[cell.cellIndex + step[1]] && next.cells[cell.cellIndex + step[1]].querySelector("button");
    if (!target) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  }
  function legend() {
    const scale = h("span", { class: "scale", "aria-hidden": "true" }, [-10, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10].map((step) => h("span", { class: (step < 0 ? "m" : "p") + Math.abs(step) })));
    const { zero } = MEASURES[state.m];
    return h("ul", { class: "legend" },
      h("li", {}, h("b", {}, "A click on a number"), " tells where it comes from and the command that makes it again"),
      h("li", {}, `${heading()}: orders badly`, scale, "orders well", zero ? ` (chance: ${zero})` : ""),
      h("li", {}, h("b", {}, "bold"), " cannot be told from the best of its column (on every data set of it; pairs on the same networks, 95 %)"),
      h("li", {}, "† accuracies of this benchmark helped to choose the members of the aggregate"),
      h("li", {}, h("i", {}, "italic"), " trivial counts, which a score has to beat"),
      h("li", {}, "rank 3 2–5: third; comparisons allow second to fifth"),
      h("li", {}, "cost: 1 unit is a forward and a backward pass of the same network on the same batch"),
      h("li", {}, h("a", { href: address({ v: "about" }) }, "What all this means")));
  }
  function winsSection() {
    const chosen = data.groups.find((group) => `${group.benchmark}/${group.dataSet}` === state.b) || largest.groups[0];
    const details = h("details", { id: "wins" }, h("summary", {}, h("b", {}, "Who beats whom")), groupSelect(chosen, (b) => { change({ b }); openWins(); }), h("div", { class: "chart", id: "wins-chart" }));
    details.addEventListener("toggle", () => { if (details.open) winMatrix(chosen, details.querySelector("#wins-chart")); });
    return details;
  }
  function openWins() { const details = document.getElementById("wins"); if (details) details.open = true; }
  function groupSelect(chosen, pick) {
    return h("label", { class: "top note" }, "Data set ", h("select", { name: "group", onchange: (event) => pick(event.target.value) }, groups.map((group) => {
      const id = `${group.benchmark}/${group.dataSet}`;
      return h("option", { value: id, selected: group === chosen }, group.title);
    })));
  }

  // ---- pictures ----
  function ink() {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), soft: of("--soft"), line: of("--line"), plus: of("--plus"), minus: of("--minus"), even: of("--even"), link: of("--link"), paper: of("--paper") };
  }
  function picture(element, spec) {
    const { ink: text, soft, line } = ink();
    const config = {
      background: "transparent", font: "system-ui, sans-serif", view: { stroke: line },
      axis: { labelColor: soft, titleColor: text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: 500 },
      legend: { labelColor: text, titleColor: text, symbolOpacity: 1 }, header: { labelColor: text, titleColor: text }, title: { color: text },
    };
    const handler = (view, event, item, value) => {
      if (!value) return hide();
      const lines = typeof value === "object" ? Object.entries(value).map(([name, each]) => `${name}: ${each}`) : [String(value)];
      show({ getBoundingClientRect: () => ({ left: event.clientX, width: 0, top: event.clientY - 6, bottom: event.clientY + 6 }), setAttribute() {} }, lines.join("\n"));
    };
    return window.vegaEmbed(element, { ...(spec.width.step ? {} : { autosize: { type: "fit", contains: "padding" } }), ...spec, config }, {
      mode: "vega-lite", actions: false, ast: true, renderer: "canvas", defaultStyle: false, tooltip: handler,
    }).then((result) => { element.dataset.drawn = "1"; return result; });
  }
  const wide = (element) => Math.max(260, Math.min(760, element.clientWidth - 4));
  const below = (element) => (element.clientWidth < 520 ? "bottom" : "right");
  function winMatrix(group, element) {
    const lines = group.wins[key()] || group.wins.tau;
    const order = group.ranked.map((place, own) => [place, own]).filter(([place]) => group.cells[place].is[key()] || group.cells[place].is.tau)
      .sort(([a], [b]) => (group.cells[b].is[key()] || group.cells[b].is.tau)[0] - (group.cells[a].is[key()] || group.cells[a].is.tau)[0]);
    const names = order.map(([place]) => data.rows[place].name), values = [];
    order.forEach(([one, i]) => order.forEach(([other, j]) => {
      if (i !== j) values.push({ row: data.rows[one].name, than: data.rows[other].name, it: { "+": "better", "-": "worse", 0: "cannot be told" }[lines[i][j]] });
    }));
    const { plus, minus: worse, even } = ink();
    return picture(element, {
      data: { values }, mark: { type: "rect" }, width: { step: 13 }, height: { step: 13 },
      encoding: {
        y: { field: "row", type: "nominal", sort: names, title: `${heading()}: is this one …`, axis: { labelFontSize: 10 } },
        x: { field: "than", type: "nominal", sort: names, title: "… than this?", axis: { orient: "top", labelAngle: -60, labelFontSize: 10 } },
        color: { field: "it", type: "nominal", title: null, scale: { domain: ["better", "cannot be told", "worse"], range: [plus, even, worse] } },
        tooltip: [{ field: "row", title: "is" }, { field: "it", title: "it is" }, { field: "than", title: "than" }],
      },
    });
  }

  // ---- a benchmark ----
  function benchmarkView(main) {
    const group = data.groups.find((each) => `${each.benchmark}/${each.dataSet}` === state.b) || largest.groups[0];
    const known = data.rows.filter((row) => group.cells[row.place] && group.cells[row.place].n);
    const ordered = known.slice().sort((a, b) => score(b, group) - score(a, group));
    const plain = ordered.filter((each) => each.kind !== "variant" || state.variants || each.name === state.x);
    const row = known.find((each) => each.name === state.x) || ordered.find((each) => each.kind !== "variant") || ordered[0];
    const proxy = h("select", { name: "x", onchange: (event) => change({ x: event.target.value }) }, ordered.map((each) =>
      h("option", { value: each.name, selected: each === row }, `${each.name} (${fixed(score(each, group))})`)));
    const scatter = h("div", { class: "chart", id: "scatter" }), pareto = h("div", { class: "chart", id: "pareto" }), front = h("div", { class: "chart", id: "front" }), heat = h("div", { class: "chart", id: "heat" }), won = h("div", { class: "chart", id: "wins-chart" });
    put(main, 
      h("div", { class: "controls" }, h("label", { class: "top" }, "Data set", groupSelectOnly(group)), measureSwitch(), h("label", { class: "top" }, "Proxy in the picture", proxy), data.rows.some((each) => each.kind === "variant") && check("variants of proxies", "variants")),
      h("h2", {}, group.title),
      h("p", { class: "note" }, `${count(group.n)} networks in ${count(group.classes)} classes of identical or related ones (of those compared); accuracy: ${truthOf(group)}; the best has ${group.best}.`),
      h("div", { class: "two" },
        h("figure", {}, h("figcaption", {}, `${row.name} against accuracy: ${MEASURES.tau.sign} ${interval(group.cells[row.place].is.tau)}; ${count(group.keys.length)} of ${count(group.n)} networks drawn; the pointer shows which.`), scatter),
        h("figure", {}, h("figcaption", {}, `Cost against ${heading()}: what lies on the line is beaten by nothing cheaper.`), pareto)),
      frontSection(group, row, front), undefinedTable(group, plain), selectedTable(group, plain),
      h("h3", {}, "Which proxies say the same"), h("figure", {}, h("figcaption", {}, "Spearman's ρ between the scores of two proxies, each oriented so that higher is better; blank: fewer than ten networks in common."), heat),
      h("h3", {}, "Who beats whom"), h("figure", {}, h("figcaption", {}, "Pairs on the networks that both define; 95 % intervals of the difference."), won));
    drawScatter(group, row, scatter);
    drawPareto(group, pareto);
    drawFront(group, row, front);
    drawHeat(group, heat);
    winMatrix(group, won);
  }
  const score = (row, group) => { const cell = group.cells[row.place]; const each = cell && (cell.is[key()] || cell.is.tau); return each ? each[0] : -2; };
  function groupSelectOnly(chosen) {
    return h("select", { name: "b", onchange: (event) => change({ b: event.target.value, x: "" }) }, groups.map((group) =>
      h("option", { value: `${group.benchmark}/${group.dataSet}`, selected: group === chosen }, group.title)));
  }
  function drawScatter(group, row, element) {
    const x = group.cells[row.place].x, families = group.families.length > 0, sizes = group.sizes.params;
    const values = group.keys.map((name, i) => ({ name, y: group.y[i], x: x[i], family: group.families[i], size: sizes ? sizes[i] : null })).filter((each) => typeof each.x === "number");
    const sizesOf = values.map((each) => Math.abs(each.x)).filter((each) => each > 0).sort((a, b) => a - b);
    const far = sizesOf.length && sizesOf[sizesOf.length - 1] / sizesOf[Math.floor(sizesOf.length / 100)] > 1000;
    const positive = values.every((each) => each.x > 0);
    const scale = far ? (positive ? { type: "log" } : { type: "symlog", constant: Math.max(sizesOf[Math.floor(sizesOf.length / 20)], 1e-300) }) : { zero: false };
    const common = families ? commonFamilies(values) : [];
    if (families) values.forEach((each) => { if (!common.includes(each.family)) each.group = "other"; else each.group = each.family; });
    const colour = families ? { field: "group", type: "nominal", title: "family", scale: { scheme: "tableau20" }, legend: { orient: below(element), columns: below(element) === "bottom" ? 3 : 1 } }
      : sizes && values.some((each) => each.size > 0) ? { field: "size", type: "quantitative", title: "parameters", scale: { type: "log", scheme: "viridis", reverse: !matchMedia("(prefers-color-scheme: dark)").matches }, legend: { format: "~s", gradientLength: 140, orient: below(element) } } : { value: ink().link };
    return picture(element, {
      data: { values }, width: wide(element), height: 320, mark: { type: "circle", opacity: 0.65, size: values.length > 600 ? 16 : 34 },
      encoding: {
        x: { field: "x", type: "quantitative", title: `${row.name}${row.up ? "" : " (lower is better)"}`, scale, axis: { format: "~g", labelOverlap: true, tickCount: 6 } },
        y: { field: "y", type: "quantitative", title: group.truth, scale: { zero: false } }, color: colour,
        tooltip: [{ field: "name", title: "network" }, { field: "y", title: "accuracy" }, { field: "x", title: row.name, format: ".4~g" }, ...(sizes ? [{ field: "size", title: "parameters", format: ",.0f" }] : []), ...(families ? [{ field: "family", title: "family" }] : [])],
      },
    });
  }
  function commonFamilies(values) {
    const counts = {};
    values.forEach((each) => { counts[each.family] = (counts[each.family] || 0) + 1; });
    return Object.keys(counts).sort((a, b) => counts[b] - counts[a]).slice(0, 14);
  }
  function drawPareto(group, element) {
    const values = data.rows.filter((row) => row.kind !== "variant" && row.units !== null && group.cells[row.place] && group.cells[row.place].is[key()])
      .map((row) => { const [value, low, high] = group.cells[row.place].is[key()]; return { name: row.name, cost: Math.max(row.units, 0.01), value, low, high, kind: row.trivial ? "count" : row.kind, said: interval(group.cells[row.place].is[key()]) }; })
      .sort((a, b) => a.cost - b.cost || b.value - a.value);
    if (!values.length) return element.replaceChildren(h("p", { class: "note" }, "No cost is known, or nothing is said by this measure."));
    let most = -Infinity;
    const front = values.filter((each) => each.value > most && (most = each.value, true));
    const { ink: text, soft } = ink();
    const y = { field: "value", type: "quantitative", title: heading(), scale: { zero: false } }, x = { field: "cost", type: "quantitative", title: "cost, units (forward and backward passes)", scale: { type: "log" }, axis: { format: "~g", tickCount: 5 } };
    return picture(element, {
      width: wide(element), height: 320,
      layer: [
        { data: { values: front }, mark: { type: "line", interpolate: "step-after", color: soft, strokeDash: [4, 3] }, encoding: { x, y } },
        { data: { values }, mark: { type: "rule", opacity: 0.35, color: soft }, encoding: { x, y: { field: "low", type: "quantitative", title: heading() }, y2: { field: "high" } } },
        { data: { values }, mark: { type: "point", filled: true, size: 60, opacity: 0.95 }, encoding: { x, y, color: { field: "kind", type: "nominal", title: null, legend: { orient: "bottom" }, scale: { domain: ["proxy", "aggregate", "count"], range: ["#3b8fd0", "#e0812b", "#8b96a1"] } }, shape: { field: "kind", type: "nominal", title: null, scale: { domain: ["proxy", "aggregate", "count"], range: ["circle", "diamond", "square"] } }, tooltip: [{ field: "name", title: "proxy" }, { field: "said", title: heading() }, { field: "cost", title: "units" }] } },
        { data: { values: front }, mark: { type: "text", align: "left", dx: 5, dy: -5, angle: -28, color: text, fontSize: 11 }, encoding: { x, y, text: { field: "name" } } },
      ],
    });
  }
  const LIMITED = { params: "parameters", flops: "FLOPs" };
  const frontOf = (group) => Math.max(0, group.fronts.findIndex((each) => each.of === state.f));
  function frontSection(group, row, element) {
    if (!group.fronts.length) return null;
    const place = frontOf(group), few = group.cells[row.place].n < group.n;
    return [h("h3", {}, "The best within a limit, and what a score finds there"),
      h("div", { class: "controls" }, h("label", { class: "top" }, "Limit of", h("select", { name: "f", onchange: (event) => change({ f: event.target.value }) },
        group.fronts.map((each, i) => h("option", { value: each.of, selected: i === place }, LIMITED[each.of] || each.of))))),
      h("figure", {}, h("figcaption", {}, `Each point is the accuracy of one network: the most accurate that is within the limit, and the one that ${row.name} selects there without any training; "any" is the mean of all that are within. ` +
        (few ? `${row.name} has a score of ${count(group.cells[row.place].n)} of the ${count(group.n)} networks, and selects among those. ` : "") + "Networks that share the best score count with their mean."), element)];
  }
  function drawFront(group, row, element) {
    const place = frontOf(group), front = group.fronts[place], params = data.rows.find((each) => each.name === "params");
    if (!front) return null;
    const name = LIMITED[front.of] || `${front.of}, ms`;
    const lines = { "the best": front.best, [`by ${row.name}`]: group.cells[row.place].within[place] };
    if (params && params !== row && group.cells[params.place]) lines["by params"] = group.cells[params.place].within[place];
    lines.any = front.any;
    const values = Object.entries(lines).flatMap(([way, found]) => front.at.map((at, i) => ({ way, at, y: found[i], best: front.best[i] }))).filter((each) => each.y !== null);
    const { ink: text, soft, link: blue } = ink(), far = front.at[0] > 0 && front.at[front.at.length - 1] / front.at[0] > 20;
    const x = { field: "at", type: "quantitative", title: `at most so many ${name}`.replace(/^at most so many (?=latency)/, "limit of the "), scale: { nice: false, ...(far ? { type: "log" } : { zero: false }) }, axis: { format: "~s", tickCount: 6, labelOverlap: true } };
    const y = { field: "y", type: "quantitative", title: group.truth, scale: { zero: false } };
    const domain = Object.keys(lines), color = { field: "way", type: "nominal", title: null, scale: { domain, range: domain.map((way, i) => (way === "any" ? soft : [text, blue, "#e0812b"][i])) }, legend: { orient: "bottom", columns: 2 } };
    return picture(element, {
      data: { values }, width: wide(element), height: 320, layer: [
        { mark: { type: "line", interpolate: "step-after", strokeWidth: 2 }, encoding: { x, y, color, strokeDash: { condition: [{ test: "datum.way === 'any'", value: [2, 3] }, { test: "datum.way === 'by params'", value: [6, 3] }], value: [1, 0] } } },
        { mark: { type: "point", filled: true, size: 26, opacity: 1 }, encoding: { x, y, color, tooltip: [{ field: "way", title: "chosen" }, { field: "at", title: name, format: ".4~s" }, { field: "y", title: "its accuracy" }, { field: "best", title: "the best within" }] } },
      ],
    });
  }
  function drawHeat(group, element) {
    const order = group.ranked.map((place, own) => [place, own]).sort(([a], [b]) => score(data.rows[b], group) - score(data.rows[a], group));
    const names = order.map(([place]) => data.rows[place].name), values = [];
    order.forEach(([one, i]) => order.forEach(([other, j]) => { if (group.alike[i][j] !== null) values.push({ row: data.rows[one].name, other: data.rows[other].name, rho: group.alike[i][j] / 100 }); }));
    const { plus, minus: worse, even } = ink();
    return picture(element, {
      data: { values }, mark: "rect", width: { step: 13 }, height: { step: 13 },
      encoding: {
        y: { field: "row", type: "nominal", sort: names, title: null, axis: { labelFontSize: 10 } }, x: { field: "other", type: "nominal", sort: names, title: null, axis: { orient: "top", labelAngle: -60, labelFontSize: 10 } },
        color: { field: "rho", type: "quantitative", title: "ρ", scale: { domain: [-1, 0, 1], range: [worse, even, plus], interpolate: "rgb" } },
        tooltip: [{ field: "row", title: "one" }, { field: "other", title: "other" }, { field: "rho", title: "ρ" }],
      },
    });
  }
  function table(caption, header, lines, words = []) {
    return h("div", { class: "wide tall", tabindex: 0, role: "region", "aria-label": caption }, h("table", {}, h("caption", { class: "skip" }, caption),
      h("thead", {}, h("tr", {}, header.map((text, place) => h("th", { scope: "col", class: place === 0 || words.includes(place) ? "word" : null }, text)))),
      h("tbody", {}, lines.map((line) => h("tr", {}, line.map((cell, place) => place === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: words.includes(place) ? "key" : null }, cell)))))));
  }
  const link = (row) => h("a", { href: address({ v: "proxy", p: row.name }) }, row.name);
  function undefinedTable(group, rows) {
    const found = rows.map((row) => [row, group.cells[row.place]]).filter(([, cell]) => cell.undefined || cell.failed).sort((a, b) => b[1].undefined / b[1].scored - a[1].undefined / a[1].scored);
    const none = data.rows.filter((row) => row.kind !== "variant" && group.cells[row.place] && !group.cells[row.place].n);
    if (!found.length && !none.length) return h("p", { class: "note" }, "No score of this data set is undefined.");
    const lines = [...none.map((row) => [row, group.cells[row.place]]), ...found].map(([row, cell]) => [link(row), count(cell.scored), count(cell.undefined), `${percent(cell.undefined, cell.scored)} %`, count(cell.failed), why(row, cell, group)]);
    return [h("h3", {}, "Where scores are undefined, and why"), table("Undefined scores", ["proxy", "scored", "undefined", "", "failed", "why"], lines, [5])];
  }
  function why(row, cell, group) {
    if (cell.reasons && cell.reasons.length) return cell.reasons.map(([text, number]) => `${text} (${count(number)})`).join("; ");
    const said = /(?:^|\n)\s*Undefined: ([\s\S]*?)(?:\n\s*\n|\n\S|$)/.exec(row.documentation);
    return said ? said[1].replace(/\s+/g, " ").replace(/:math:`([^`]*)`/g, "$1") : row.kind === "aggregate" ? "no member has a score" : "–";
  }
  function selectedTable(group, rows) {
    const lines = rows.filter((row) => group.cells[row.place].pick).map((row) => {
      const { y, rank, worst, count: number, keys } = group.cells[row.place].pick;
      return [link(row), y, number > 1 ? `${count(rank)} to ${count(worst)}` : count(rank), number > 1 ? count(number) : "–", keys.slice(0, 2).join("  ") + (number > 2 ? " …" : "")];
    });
    return [h("h3", {}, `The network that each proxy selects (the best of ${count(group.n)} has ${group.best})`), table("Selected networks", ["proxy", "its accuracy", "rank", "ties", "network"], lines, [4])];
  }

  // ---- a proxy ----
  function proxyView(main) {
    const names = data.rows.map((row) => row.name).sort((a, b) => a.localeCompare(b));
    const row = data.rows.find((each) => each.name === state.p) || data.rows.find((each) => each.kind === "aggregate") || data.rows[0];
    const select = h("select", { name: "p", onchange: (event) => change({ p: event.target.value }) }, names.map((name) => h("option", { value: name, selected: name === row.name }, name)));
    const measured = groups.filter((group) => group.cells[row.place]);
    const chart = h("div", { class: "chart", id: "everywhere" });
    const variants = data.rows.filter((each) => each.kind === "variant" && each.proxy === row.proxy && each !== row);
    put(main, 
      h("div", { class: "controls" }, h("label", { class: "top" }, "Proxy or aggregate", select), measureSwitch()),
      h("h2", {}, row.name), row.summary && h("p", {}, row.summary),
      h("dl", { class: "facts" },
        row.members.length ? pair("members", row.members.map((name, place) => [place ? ", " : "", h("a", { href: address({ p: name }) }, name)])) : null,
        row.paper && pair("paper", row.paper), pair("better", row.up ? "higher" : "lower"),
        pair("needs", row.needs === null ? "not known: it is of a distribution that is not installed here" : row.needs.join(", ") || "nothing but the network"),
        pair("cost", row.units === null ? "not measured" : `${units(row)} units of a forward and a backward pass${row.members.length ? " (the members' sum; together they share passes)" : ""}`),
        pair("versions", row.versions.join(", ")),
        row.chosenOn.length ? pair("chosen with accuracies of", row.chosenOn.map(titleOf).join(", ")) : null),
      h("h3", {}, `${heading()} everywhere`), h("figure", {}, h("figcaption", {}, "Points: this one; ticks: all others; lines: 95 % intervals."), chart),
      table(`Results of ${row.name}`, ["data set", heading() + " [95 %]", "rank", "N", "undefined", "selects, accuracy", "scores"], measured.map((group) => {
        const cell = group.cells[row.place], rank = cell.rank[key()];
        return [h("a", { href: address({ v: "overview", card: `${row.name}@${group.benchmark}/${group.dataSet}` }) }, group.title), interval(cell.is[key()], 3), rank ? `${rank[0]} (${rank[1]}–${rank[2]}) of ${group.ranked.length}` : "–", count(cell.n), count(cell.undefined), cell.pick ? `${cell.pick.y}, rank ${count(cell.pick.rank)}` : "–", data.entries[cell.entry].name];
      })),
      variants.length ? [h("h3", {}, "Variants"), h("p", {}, variants.map((each, place) => [place ? " · " : "", h("a", { href: address({ p: each.name }) }, each.name.slice(each.proxy.length + 2))]))] : null,
      row.documentation && [h("h3", {}, "Documentation"), h("pre", { tabindex: 0 }, row.documentation)]);
    drawEverywhere(row, measured, chart);
  }
  function drawEverywhere(row, groups, element) {
    const values = [], own = [], titles = groups.map((group) => group.title);
    groups.forEach((group) => data.rows.forEach((each) => {
      const cell = group.cells[each.place], found = cell && cell.is[key()];
      if (!found || (each.kind === "variant" && each !== row)) return;
      const line = { group: group.title, name: each.name, value: found[0], low: found[1], high: found[2], said: interval(found) };
      (each === row ? own : values).push(line);
    }));
    if (!own.length) return element.replaceChildren(h("p", { class: "note" }, "Nothing is said by this measure."));
    const y = { field: "group", type: "nominal", sort: titles, title: null, axis: { labelLimit: 190 } }, x = { field: "value", type: "quantitative", title: heading() };
    const { link: blue, soft } = ink(), tooltip = [{ field: "name", title: "proxy" }, { field: "said", title: heading() }];
    return picture(element, {
      width: wide(element), height: 40 + 28 * groups.length,
      layer: [
        { data: { values }, mark: { type: "tick", color: soft, opacity: 0.55 }, encoding: { x, y, tooltip } },
        { data: { values: own }, mark: { type: "rule", color: blue, strokeWidth: 3 }, encoding: { y, x: { field: "low", type: "quantitative" }, x2: { field: "high" } } },
        { data: { values: own }, mark: { type: "point", filled: true, size: 90, color: blue, opacity: 1 }, encoding: { x, y, tooltip } },
      ],
    });
  }

  // ---- searches ----
  function searchView(main) {
    const panels = [...new Set(data.searches.map((each) => each.panel))];
    const boxes = panels.map(() => h("div", { class: "chart" }));
    put(main, h("h2", {}, "Searches"), h("p", { class: "note" }, "The middle of the repeats and their band, by the number of networks trained."),
      h("div", { class: "two" }, panels.map((panel, place) => h("figure", {}, h("figcaption", {}, panel), boxes[place]))));
    panels.forEach((panel, place) => {
      const values = data.searches.filter((each) => each.panel === panel).flatMap((each) => each.places.map((at, i) => ({ search: each.label, at, middle: each.middle[i], low: each.low[i], high: each.high[i] }))).filter((each) => each.middle !== null);
      const x = { field: "at", type: "quantitative", title: "networks trained" }, color = { field: "search", type: "nominal", title: null, legend: { orient: "bottom", columns: 2 } };
      const scale = { zero: false };
      picture(boxes[place], { data: { values }, width: wide(boxes[place]), height: 300, layer: [
        { mark: { type: "area", opacity: 0.18 }, encoding: { x, y: { field: "low", type: "quantitative", title: "accuracy", scale }, y2: { field: "high" }, color } },
        { mark: { type: "line", point: false }, encoding: { x, y: { field: "middle", type: "quantitative", title: "accuracy", scale }, color, tooltip: [{ field: "search" }, { field: "at", title: "trained" }, { field: "middle" }] } },
      ] });
    });
  }

  // ---- about ----
  function about(main) {
    const text = (...parts) => h("p", {}, parts);
    put(main, h("h2", {}, "What the numbers mean"),
      text("Each number says how well a score, computed before any training, orders networks that were really trained. + always means: it prefers the better ones, whatever the direction of its own values."),
      h("dl", { class: "facts" },
        pair("Kendall's τ", "the share of pairs of networks in the right order less that in the wrong order, ties accounted for (τ-b); Spearman's ρ is the correlation of the ranks"),
        pair("nDCG", "of the first tenth in the order of the score: gains are the share of networks that are less accurate, discounted by log₂(1 + place), over those of the best order"),
        pair("top 10 %", "how many of the first tenth by score are in the first tenth by accuracy; chance is 0.1"),
        pair("equal size", "the partial correlation of ranks at an equal number of parameters, or of FLOPs: what a score says beyond the size of a network"),
        pair("undefined", "scores that do not exist for a network (no ReLU, a singular matrix, an overflow) are left out of the number and counted; nothing is replaced"),
        pair("intervals", "95 %, by the networks' influences on the number, where classes of identical networks (of timm: families) count as one observation; of nDCG and top 10 % by drawing classes with replacement"),
        pair("bold, ranks", "two proxies are compared on the networks that both define; the difference is told where its 95 % interval excludes zero. No correction for the number of comparisons"),
        pair("many networks", `where there are more than ${count(data.compared)}, comparisons are on so many of them: those that most proxies scored, the others at random; numbers are over all`),
        pair("a benchmark", "the mean over its data sets, which count once in means over benchmarks"),
        pair("supervised", "\"choice\": trained accuracies chose the members of this aggregate; no proxy here is fitted to accuracies. What authors of papers tuned on a benchmark is not marked: nobody wrote it down"),
        pair("cost", `time of one score over that of one forward and backward pass in train mode of the same network on the same batch: ${data.costs}`)),
      h("h2", {}, "Where they come from"),
      table("Score tables", ["scores", "compared with", "made by"], data.entries.map((entry) => [entry.path || entry.name, entry.truth, entry.command || "–"]), [1, 2]),
      data.leftOut.length ? [h("h3", {}, "Left out"), h("ul", {}, data.leftOut.map((each) => h("li", {}, each)))] : null,
      h("h3", {}, "This page again"), h("pre", { tabindex: 0 }, data.command || "not known"),
      text("Beside it lie overview.csv (and overview.parquet): every number of this page in full precision; leaderboard.csv: each table of scores by itself."),
      h("h3", {}, "To cite it"), h("pre", { tabindex: 0 }, `@misc{naslib_zc_plugin,\n  title = {naslib-zc-plugin ${data.version}: training-free proxies of neural architecture search},\n  author = {{The naslib-zc-plugin developers}},\n  note = {Leaderboard of ${data.date}},\n  year = {${data.date.slice(0, 4)}}\n}`),
      text("An own proxy: install it, score with nas-zc score CONFIG --extend, and name its store to nas-zc leaderboard beside these."));
  }

  // ---- views ----
  const VIEWS = { overview: ["Overview", overview], benchmark: ["Benchmarks", benchmarkView], proxy: ["Proxies", proxyView], ...(data.searches.length ? { searches: ["Searches", searchView] } : {}), about: ["About", about] };
  function draw() {
    hide();
    const view = VIEWS[state.v] ? state.v : "overview";
    document.getElementById("views").replaceChildren(...Object.entries(VIEWS).map(([id, [title]]) =>
      h("a", { href: address({ v: id, card: "" }), "aria-current": id === view ? "page" : null }, title)));
    const focused = document.activeElement && document.activeElement.name, value = document.activeElement && document.activeElement.value;
    VIEWS[view][1](document.getElementById("main"));
    if (focused) {
      const again = [...document.querySelectorAll(`[name="${focused}"]`)].find((each) => each.type !== "radio" || each.value === value);
      if (again) again.focus();
    }
    if (state.card) openCard(); else if (card.open) card.close();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  document.documentElement.dataset.ready = "1";
})();
