// pictures.js: one function for each picture, from the rows of its answer and a width in
// pixels to an element. No picture needs its colours to be read: there are numbers in cells
// and at bars, names at lines, patterns in areas; text has a contrast of 4.5 or more.
"use strict";

const INK = "#1b1b1b";
const MUTED = "#5c5c5c";
const FAINT = "#d9d9d9";
const BLUE = "#1f5b99";
const ORANGE = "#a8480f";
const SVG = "http://www.w3.org/2000/svg";

// A sheet of paper takes two pictures that are less tall.
let onPaper = false;
const tall = (height) => (onPaper ? Math.round(0.76 * height) : height);
const isNarrow = (width) => width < 560;

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function svgElement(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// From light (0) to dark (1), and the ink that is read on it
function shade(share) {
  const t = Math.max(0, Math.min(1, share));
  return `rgb(${[240, 245, 250].map((light, i) => Math.round(light + t * ([20, 66, 120][i] - light))).join(",")})`;
}
function shades(values) {
  const least = Math.min(...values), most = Math.max(...values);
  return (value) => shade(most > least ? 0.05 + (0.95 * (value - least)) / (most - least) : 0.05);
}
function inkOn(color) {
  const [r, g, b] = color.match(/\d+/g).map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// Patterns are told apart in black and white, too.
const PATTERNS = {
  solid: (color) => [svgElement("rect", { width: 8, height: 8, fill: color })],
  hatched: (color) => [svgElement("rect", { width: 8, height: 8, fill: "#fff" }), svgElement("path", { d: "M-2,2l4,-4M0,8l8,-8M6,10l4,-4", stroke: color, "stroke-width": 2.6 })],
  dotted: (color) => [svgElement("rect", { width: 8, height: 8, fill: "#fff" }), svgElement("circle", { cx: 2, cy: 2, r: 1.7, fill: color }), svgElement("circle", { cx: 6, cy: 6, r: 1.7, fill: color })],
  crossed: (color) => [svgElement("rect", { width: 8, height: 8, fill: "#fff" }), svgElement("path", { d: "M0,4h8M4,0v8", stroke: color, "stroke-width": 1.4 })],
  empty: () => [svgElement("rect", { width: 8, height: 8, fill: "#fff" })],
  ring: (color) => [svgElement("rect", { width: 8, height: 8, fill: "#fff" }), svgElement("circle", { cx: 4, cy: 4, r: 2.4, fill: "none", stroke: color, "stroke-width": 1.6 })],
};
let patternsMade = 0;
function pattern(kind, color) {
  const id = `pattern-${++patternsMade}`;
  return { fill: `url(#${id})`, definition: svgElement("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, ...PATTERNS[kind](color)) };
}
const definitions = (patterns) => () => svgElement("defs", {}, ...patterns.map((p) => p.definition));

function legend(entries) {
  const box = element("div", { class: "legend" });
  for (const [kind, color, text] of entries) {
    const p = pattern(kind, color);
    const swatch = svgElement("svg", { width: 22, height: 14, "aria-hidden": "true" }, svgElement("defs", {}, p.definition), svgElement("rect", { x: 0.5, y: 0.5, width: 21, height: 13, fill: p.fill, stroke: color }));
    box.append(element("span", {}, swatch, ` ${text}`));
  }
  return box;
}

const chart = (name, width, options) => Plot.plot({
  width,
  ariaLabel: words.pictures[name][0],
  ariaDescription: words.pictures[name][1],
  style: { fontFamily: "inherit", fontSize: isNarrow(width) ? "11px" : "12.5px", color: INK, background: "none", overflow: "visible" },
  ...options,
});

// Can anything be said of the year to come? Of a few customers a model may say nothing that counts.
const isForetold = () => isNumber(answers.summary.rows?.[0]?.next_year_orders);

const PICTURES = {
  summary([row]) {
    const checks = answers.check.rows ?? [];
    const values = Object.fromEntries(Object.keys(row).map((column) => [column, written("summary", column, row)]));
    values.checks = integer.format(checks.length);
    values.findings = integer.format(checks.filter((check) => check.affected_rows > 0).length);
    const list = element("dl", { class: "summary" });
    for (const [line, [name, sentence]] of Object.entries(words.summary)) {
      const unknown = line === "next_year" ? words.tooFew : words.unknown;
      list.append(element("dt", {}, name), element("dd", {}, fill(knownParts(sentence, row) || unknown, values)));
    }
    return list;
  },

  check(rows) {
    const found = rows.filter((row) => ["error", "warning", "info"].includes(row.severity));
    const list = element("ul", { class: "findings" });
    for (const row of found) {
      list.append(element("li", { class: row.severity }, element("b", {}, words.severity[row.severity]), ` ${words.checkNames[row.check_name]} `, element("span", { class: "count" }, integer.format(row.affected_rows))));
    }
    const rest = fill(words.checkNote, { n: rows.length - found.length, all: rows.length });
    return element("div", {}, list, element("p", { class: "note" }, rest));
  },

  kpis(rows) {
    const tiles = element("div", { class: "tiles" });
    for (const row of rows) {
      const format = kpiFormat(row.kpi);
      const change = changeOf(row);
      tiles.append(element("div", { class: "tile" },
        element("div", { class: "name" }, words.kpis[row.kpi]),
        element("div", { class: "value" }, format(row.value)),
        element("div", { class: "change" }, ...(change === null ? [words.noBefore] : [element("b", {}, change), fill(words.before, { value: format(row.before) })])),
        element("div", { class: "change" }, row.year_before === null ? "" : fill(words.yearBefore, { value: format(row.year_before) }))));
    }
    return tiles;
  },

  forecast(rows, width) {
    const months = [...new Set(rows.map((row) => row.period_start))].filter((month) => month !== null);
    const past = rows.filter((row) => row.came !== null);
    const future = isForetold() ? rows.filter((row) => row.came === null && row.period_start !== null) : [];
    const total = rows.find((row) => row.period_start === null);
    const kinds = [["came", "solid", MUTED], ["orders_existing", "solid", BLUE], ["orders_new_first", "hatched", BLUE], ["orders_new_repeat", "dotted", BLUE]];
    const patterns = kinds.map(([, kind, color]) => pattern(kind, color));
    // of the month of as_of a part has come
    const came = new Map(past.map((row) => [row.period_start, row.came]));
    const ground = future.map((row) => came.get(row.period_start) ?? 0);
    let below = ground;
    const bars = kinds.slice(1).map(([column, , color], i) => {
      const from = below;
      below = future.map((row, j) => from[j] + row[column]);
      return Plot.barY(future, { x: "period_start", y1: from, y2: below, fill: patterns[i + 1].fill, stroke: color, strokeWidth: 0.8, insetLeft: 1, insetRight: 1 });
    });
    const every = isNarrow(width) ? 6 : 2;
    const plot = chart("forecast", width, {
      height: tall(340),
      marginLeft: 50,
      marginTop: 36,
      marginBottom: 40,
      x: { domain: months, type: "band", label: null, tickSize: 0, ticks: months.filter((_, i) => i % every === 0), tickFormat: (month) => asMonth(month).replace(/ (\d{4})$/, "\n$1") },
      y: { label: words.axes.orderDays, grid: true, zero: true, tickFormat: (value) => compact.format(value) },
      marks: [
        definitions(patterns),
        Plot.barY(past, { x: "period_start", y: "came", fill: patterns[0].fill, insetLeft: 1, insetRight: 1 }),
        ...bars,
        Plot.ruleX(future.filter((row) => row.low !== null), { x: "period_start", y1: (row) => row.low + (came.get(row.period_start) ?? 0), y2: (row) => row.high + (came.get(row.period_start) ?? 0), stroke: INK, strokeWidth: 1.5 }),
        Plot.ruleY([0], { stroke: INK }),
      ],
    });
    if (future.length === 0) return element("div", {}, element("p", { class: "note" }, words.tooFewNote), plot);
    const line = total ? [element("p", {}, fill(words.totalLine, Object.fromEntries(Object.keys(total).map((column) => [column, written("forecast", column, total)]))))] : [];
    return element("div", {}, ...line, legend(kinds.map(([column, kind, color]) => [kind, color, words.columns[column]])), plot);
  },

  earlier(rows, width) {
    const known = rows.filter((row) => row.origin !== null);
    const mean = rows.find((row) => row.origin === null);
    const paint = pattern("solid", MUTED);
    const higher = (row) => Math.max(row.predicted, row.actual);
    const plot = chart("earlier", width, {
      height: tall(300),
      marginLeft: 50,
      marginTop: 36,
      marginBottom: 44,
      x: { domain: known.map((row) => row.origin), type: "band", label: null, tickSize: 0, padding: 0.35, tickFormat: (day) => `${asDay(day)}\n${asYear(day)}` },
      y: { label: words.axes.orderDays, grid: true, domain: [0, Math.max(...known.map(higher), 1) * 1.1], ticks: 5, tickFormat: (value) => compact.format(value) },
      marks: [
        definitions([paint]),
        Plot.barY(known, { x: "origin", y: "actual", fill: paint.fill }),
        Plot.ruleY([0], { stroke: INK }),
        Plot.dot(known, { x: "origin", y: "predicted", r: 6, fill: "#fff", stroke: BLUE, strokeWidth: 3 }),
        Plot.text(known, { x: "origin", y: higher, text: (row) => written("earlier", "error", row), dy: -16, fontWeight: 600, stroke: "#fff", strokeWidth: 4, fill: INK }),
      ],
    });
    const line = isNumber(mean?.error_low) ? [element("p", {}, fill(words.earlierLine, Object.fromEntries(Object.keys(mean).map((column) => [column, written("earlier", column, mean)]))))] : [];
    return element("div", {}, ...line, legend([["solid", MUTED, words.columns.actual], ["ring", BLUE, words.columns.predicted]]), plot);
  },

  season(rows, width) {
    const low = (row) => Math.max(0, row.factor - 1.96 * row.std_error);
    const high = (row) => row.factor + 1.96 * row.std_error;
    return chart("season", width, {
      height: tall(300),
      marginLeft: 45,
      marginTop: 30,
      x: { domain: rows.map((row) => row.month), tickFormat: (month) => (isNarrow(width) ? narrowMonth(month) : monthName(month)), label: null, type: "band", tickSize: 0 },
      y: { label: words.axes.factor, domain: [0, Math.max(...rows.map(high)) * 1.1], ticks: 5, grid: true, tickFormat: (value) => decimal.format(value) },
      marks: [
        Plot.ruleY([1], { stroke: MUTED, strokeDasharray: "4,3" }),
        Plot.ruleX(rows, { x: "month", y1: low, y2: high, stroke: BLUE, strokeWidth: 3 }),
        Plot.dot(rows, { x: "month", y: "factor", r: 3.5, fill: "#fff", stroke: BLUE, strokeWidth: 2 }),
        Plot.text(rows, { x: "month", y: high, text: (row) => twoDecimals.format(row.factor), dy: -11, stroke: "#fff", strokeWidth: 4, fill: INK, ...(isNarrow(width) ? { rotate: -90, textAnchor: "start", dy: -8 } : {}) }),
      ],
    });
  },

  lifecycle(rows, width) {
    const months = rows.map((row) => row.period_start);
    const kinds = [["new_customers", "solid", BLUE], ["returning_customers", "hatched", BLUE], ["resurrected_customers", "dotted", BLUE], ["dormant_customers", "crossed", ORANGE]];
    const patterns = kinds.map(([, kind, color]) => pattern(kind, color));
    let below = rows.map(() => 0);
    const bars = kinds.map(([column, , color], i) => {
      const isLost = column === "dormant_customers";
      const from = isLost ? rows.map(() => 0) : below;
      const to = rows.map((row, j) => (isLost ? -row[column] : from[j] + row[column]));
      if (!isLost) below = to;
      return Plot.barY(rows, { x: "period_start", y1: from, y2: to, fill: patterns[i].fill, stroke: color, strokeWidth: 0.8, insetLeft: 1, insetRight: 1 });
    });
    const everySecond = isNarrow(width) ? 2 : 1;
    const plot = chart("lifecycle", width, {
      height: tall(340),
      marginLeft: 50,
      marginTop: 36,
      x: { domain: months, type: "band", label: null, tickSize: 0, ticks: months.filter((_, i) => (months.length - 1 - i) % everySecond === 0), tickFormat: (month) => asShortMonth(month) + (rows.find((row) => row.period_start === month).is_complete ? "" : "*") },
      y: { label: words.axes.customers, grid: true, tickFormat: (value) => compact.format(Math.abs(value)) },
      marks: [definitions(patterns), ...bars, Plot.ruleY([0], { stroke: INK }),
        ...(isNarrow(width) ? [] : [Plot.text(rows, { x: "period_start", y: below, text: (row) => compact.format(row.active_customers), dy: -8 })])],
    });
    const note = rows.some((row) => !row.is_complete) ? [element("p", { class: "note" }, words.unfinished)] : [];
    return element("div", {}, legend(kinds.map(([column, kind, color]) => [kind, color, words.columns[column]])), plot, ...note);
  },

  cohorts(rows, width) {
    const shadeOf = shades(rows.map((row) => row.rate));
    const cohorts = [...new Set(rows.map((row) => row.cohort))];
    const size = new Map(rows.map((row) => [row.cohort, row.cohort_size]));
    const color = (row) => shadeOf(row.rate);
    return chart("cohorts", width, {
      height: cohorts.length * (isNarrow(width) ? 22 : 26) + 60,
      marginLeft: isNarrow(width) ? 62 : 145,
      marginTop: 40,
      marginRight: 2,
      padding: 0.04,
      x: { type: "band", axis: "top", label: words.axes.months, labelAnchor: "left", labelArrow: "none", tickSize: 0 },
      y: { domain: cohorts, label: null, tickSize: 0, tickFormat: (cohort) => (isNarrow(width) ? asMonth(cohort) : `${asMonth(cohort)} (${integer.format(size.get(cohort))})`) },
      color: { type: "identity" },
      marks: [
        Plot.cell(rows, { x: "period_index", y: "cohort", fill: color }),
        Plot.text(rows, { x: "period_index", y: "cohort", text: (row) => (isNarrow(width) ? integer.format(100 * row.rate) : cellNumber(row.rate)), fill: (row) => inkOn(color(row)), fontSize: isNarrow(width) ? 10 : 12 }),
      ],
    });
  },

  ltv(rows, width) {
    const cohorts = [...new Set(rows.map((row) => row.cohort))];
    const dashes = ["none", "7,3", "2,3", "9,3,2,3"];
    const ends = cohorts.map((cohort) => rows.filter((row) => row.cohort === cohort).at(-1));
    return chart("ltv", width, {
      height: tall(360),
      marginLeft: 50,
      marginRight: isNarrow(width) ? 58 : 90,
      marginTop: 25,
      marginBottom: 45,
      x: { label: words.axes.quarters, labelArrow: "none", ticks: Math.max(...rows.map((row) => row.period_index)), tickFormat: (value) => integer.format(value) },
      y: { label: words.axes.perCustomer, grid: true, nice: true, ticks: 6, tickFormat: (value) => compactMoney.format(value) },
      color: { type: "identity" },
      marks: [
        ...cohorts.map((cohort, i) => Plot.lineY(rows.filter((row) => row.cohort === cohort), { x: "period_index", y: "ltv", stroke: shade(0.45 + (0.55 * i) / cohorts.length), strokeWidth: 2, strokeDasharray: dashes[i % dashes.length] })),
        Plot.dot(rows, { x: "period_index", y: "ltv", r: 2.5, fill: (row) => shade(0.45 + (0.55 * cohorts.indexOf(row.cohort)) / cohorts.length) }),
        Plot.text(ends, { x: "period_index", y: "ltv", text: (row) => (isNarrow(width) ? asQuarter(row.cohort) : `${asQuarter(row.cohort)} ${number(integer)(row.ltv)}`), textAnchor: "start", dx: 6, dy: 10, stroke: "#fff", strokeWidth: 4, fill: INK }),
      ],
    });
  },

  second_order(rows, width) {
    const start = { day: 0, share: 0, share_low: 0, share_high: 0 };
    const points = [start, ...rows.map((row) => ({ ...row, day: row.day + 1 }))];
    const last = points.at(-1).day;
    const marks = [30, 90, 180, 365].filter((day) => day <= Math.max(last, 30)).map((day) => ({ ...points.filter((point) => point.day <= day).at(-1), day }));
    const known = points.filter((point) => point.share_low !== null && point.share_high !== null);
    return chart("second_order", width, {
      height: tall(320),
      marginLeft: 50,
      marginRight: 40,
      marginTop: 25,
      marginBottom: 45,
      x: { label: words.axes.days, labelArrow: "none", domain: [0, Math.max(last, 30)], ticks: [0, 30, 60, 90, 120, 180, 240, 300, 365].filter((day) => day <= last && (!isNarrow(width) || day % 90 === 0 || day === 365)), tickFormat: (value) => integer.format(value) },
      y: { label: words.axes.share, grid: true, zero: true, ticks: 6, tickFormat: (value) => wholePercent.format(value) },
      marks: [
        Plot.areaY(known, { x: "day", y1: "share_low", y2: "share_high", curve: "step-after", fill: BLUE, fillOpacity: 0.25 }),
        Plot.lineY(points, { x: "day", y: "share", curve: "step-after", stroke: BLUE, strokeWidth: 2.2 }),
        Plot.dot(marks, { x: "day", y: "share", r: 4.5, fill: "#fff", stroke: BLUE, strokeWidth: 2.5 }),
        Plot.text(marks, { x: "day", y: "share", text: (point) => percent.format(point.share), dy: -14, stroke: "#fff", strokeWidth: 4, fill: INK, fontWeight: 600 }),
      ],
    });
  },

  grid(rows, width) {
    const shadeOf = shades(rows.map((row) => row.customers));
    const color = (row) => shadeOf(row.customers);
    const scores = [...new Set(rows.flatMap((row) => [row.r, row.fm]))].sort((a, b) => a - b);
    const margin = isNarrow(width) ? 28 : 40;
    const fontSize = width < 420 ? 7.5 : isNarrow(width) ? 9 : 12;
    const lineWidth = (width - margin - 20) / Math.max(1, scores.length) / fontSize - 1;
    return chart("grid", width, {
      height: isNarrow(width) ? 330 : tall(400),
      marginLeft: margin,
      marginTop: 8,
      marginBottom: 40,
      padding: 0.03,
      x: { type: "band", domain: scores, label: words.axes.recency, labelArrow: "none", tickSize: 0 },
      y: { type: "band", domain: [...scores].reverse(), label: words.axes.money, labelAnchor: "center", labelArrow: "none", tickSize: 0 },
      color: { type: "identity" },
      marks: [
        Plot.cell(rows, { x: "r", y: "fm", fill: color, stroke: "#fff" }),
        Plot.text(rows, { x: "r", y: "fm", text: (row) => segmentName(row.segment), fill: (row) => inkOn(color(row)), fontSize, lineWidth, lineAnchor: "bottom", dy: 2 }),
        Plot.text(rows, { x: "r", y: "fm", text: (row) => integer.format(row.customers), fill: (row) => inkOn(color(row)), fontSize: fontSize + 2, fontWeight: 700, dy: 16 }),
      ],
    });
  },

  segments(rows, width) {
    const paint = pattern("solid", BLUE);
    return chart("segments", width, {
      height: rows.length * 30 + 12,
      marginLeft: isNarrow(width) ? 112 : 160,
      marginRight: isNarrow(width) ? 100 : 190,
      marginTop: 2,
      marginBottom: 8,
      x: { axis: null, domain: [Math.min(0, ...rows.map((row) => row.revenue_share)), Math.max(...rows.map((row) => row.revenue_share), 1e-9)] },
      y: { domain: rows.map((row) => row.segment), label: null, tickSize: 0, tickFormat: segmentName },
      marks: [
        definitions([paint]),
        Plot.barX(rows, { x: "revenue_share", y: "segment", fill: paint.fill, insetTop: 3, insetBottom: 3 }),
        Plot.text(rows, { x: (row) => Math.max(0, row.revenue_share), y: "segment", textAnchor: "start", dx: 6, text: (row) => [number(percent)(row.revenue_share), isNarrow(width) ? compact.format(row.customers) : `${integer.format(row.customers)} ${words.axes.customers}`].join(" · ") }),
        Plot.ruleX([0], { stroke: INK }),
      ],
    });
  },

  moves: (rows, width) => drawMoves(rows, width),

  risk(rows, width) {
    const known = rows.filter((row) => row.churn_risk !== null);
    const kinds = { high: ["solid", ORANGE], medium: ["hatched", ORANGE], low: ["empty", ORANGE] };
    const patterns = known.map((row) => pattern(...kinds[row.churn_risk]));
    const text = (row) => fill(isNarrow(width) ? words.riskLineShort : words.riskLine, { customers: integer.format(row.customers), expected_orders: integer.format(row.expected_orders) });
    return chart("risk", width, {
      height: known.length * 58 + 10,
      marginLeft: isNarrow(width) ? 60 : 80,
      marginTop: 2,
      marginBottom: 8,
      x: { axis: null, domain: [0, Math.max(...known.map((row) => row.customers), 1)] },
      y: { domain: known.map((row) => row.churn_risk), label: null, tickSize: 0, tickFormat: (risk) => words.risk[risk] },
      marks: [
        definitions(patterns),
        ...known.map((row, i) => Plot.barX([row], { x: "customers", y: "churn_risk", fill: patterns[i].fill, stroke: ORANGE, insetTop: 26, insetBottom: 6 })),
        Plot.text(known, { x: 0, y: "churn_risk", text, textAnchor: "start", dx: 5, dy: -12 }),
        Plot.ruleX([0], { stroke: INK }),
      ],
    });
  },

  campaign(rows, width) {
    // in % of what the control group did: so all measures fit on one axis
    const shown = rows.filter((row) => row.difference !== null && row.control_value > 0)
      .map((row) => ({ name: [...new Set(rows.map((r) => r.arm))].length > 1 ? `${row.arm}: ${words.metric[row.metric]}` : words.metric[row.metric], ...Object.fromEntries(["difference", "ci_low", "ci_high"].map((column) => [column, row[column] / row.control_value])) }));
    return chart("campaign", width, {
      height: shown.length * 46 + 50,
      marginLeft: isNarrow(width) ? 150 : 190,
      marginRight: 40,
      marginTop: 8,
      marginBottom: 40,
      x: { label: words.axes.relative, labelArrow: "none", grid: true, nice: true, ticks: isNarrow(width) ? 3 : 8, tickFormat: (value) => wholePercent.format(value) },
      y: { domain: shown.map((row) => row.name), label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([0], { stroke: INK }),
        Plot.ruleY(shown.filter((row) => row.ci_low !== null), { y: "name", x1: "ci_low", x2: "ci_high", stroke: BLUE, strokeWidth: 3 }),
        Plot.dot(shown, { x: "difference", y: "name", r: 5, fill: "#fff", stroke: BLUE, strokeWidth: 2.5 }),
        Plot.text(shown, { x: "difference", y: "name", text: (row) => signedPercent.format(row.difference), dy: -15, fontWeight: 600 }),
      ],
    });
  },
};

// 12.3 in a cell whose picture says that it is %
const cellNumber = (share) => new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(100 * share);

// "▲ +3.2 %": of shares the difference, in points
function changeOf({ kpi, value, before }) {
  if (!isNumber(value) || !isNumber(before)) return null;
  const isShare = !(kpi in KPI_FORMATS);
  if (!isShare && !(before > 0)) return null;
  const change = isShare ? 100 * (value - before) : value / before - 1;
  const shown = isShare ? signed.format(change) : signedPercent.format(change);
  const arrow = /[1-9]/.test(shown) ? (change > 0 ? "▲" : "▼") : "■";
  return `${arrow} ${isShare ? fill(words.points, { n: shown }) : shown}`;
}

// Best first, as rfm_segment knows them; moves up and down are by this order.
const SEGMENT_ORDER = ["champions", "loyal", "potential_loyalist", "new_customers", "promising", "need_attention", "about_to_sleep", "at_risk", "cant_lose", "hibernating", "lost", "unscored", "none"];

// Segments then on the left, now on the right, and between them ribbons as thick as
// customers are many
function drawMoves(rows, width) {
  const place = (segment) => { const i = SEGMENT_ORDER.indexOf(segment); return i < 0 ? SEGMENT_ORDER.length : i; };
  const sum = (list) => list.reduce((total, row) => total + row.customers, 0);
  const height = tall(520), gap = onPaper ? 9 : 12, top = 8;
  const margin = isNarrow(width) ? 104 : 190;
  const total = sum(rows);
  const sides = ["from_segment", "to_segment"].map((column) => [...new Set(rows.map((row) => row[column]))].sort((a, b) => place(a) - place(b)));
  const scale = (height - 2 * top - gap * (Math.max(sides[0].length, sides[1].length) - 1)) / total;

  const nodes = sides.map((segments, side) => {
    let y = top;
    return new Map(segments.map((segment) => {
      const count = sum(rows.filter((row) => row[side ? "to_segment" : "from_segment"] === segment));
      const node = { segment, count, y, height: count * scale, next: y };
      y += node.height + gap;
      return [segment, node];
    }));
  });

  const kinds = { up: pattern("hatched", BLUE), down: pattern("dotted", ORANGE), same: pattern("solid", FAINT), came: pattern("empty", MUTED) };
  const strokes = { up: BLUE, down: ORANGE, same: "#b5b5b5", came: MUTED };
  const svg = svgElement("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words.pictures.moves[0], class: "moves" }, definitions(Object.values(kinds))());
  const ribbons = { came: [], same: [], down: [], up: [] };
  const byPlace = [...rows].sort((a, b) => place(a.from_segment) - place(b.from_segment) || place(a.to_segment) - place(b.to_segment));
  // where a ribbon arrives is in the order of where it comes from
  for (const row of byPlace) {
    const from = nodes[0].get(row.from_segment), to = nodes[1].get(row.to_segment);
    const thick = row.customers * scale;
    const [x0, x1, y0, y1] = [margin + 8, width - margin - 8, from.next, to.next];
    const mid = (x0 + x1) / 2;
    from.next += thick;
    to.next += thick;
    const kind = row.from_segment === row.to_segment ? "same" : row.from_segment === "none" ? "came" : place(row.to_segment) < place(row.from_segment) ? "up" : "down";
    const path = svgElement("path", {
      d: `M${x0},${y0}C${mid},${y0} ${mid},${y1} ${x1},${y1}v${thick}C${mid},${y1 + thick} ${mid},${y0 + thick} ${x0},${y0 + thick}Z`,
      fill: kinds[kind].fill, stroke: strokes[kind], "stroke-width": 0.5, "fill-opacity": 0.85,
    });
    path.append(svgElement("title", {}, `${segmentName(row.from_segment)} → ${segmentName(row.to_segment)}: ${integer.format(row.customers)}`));
    ribbons[kind].push(path);
  }
  svg.append(svgElement("g", { "aria-label": "ribbon" }, ...Object.values(ribbons).flat()));

  nodes.forEach((side, i) => {
    const labels = svgElement("g", { "aria-label": "segment", "font-size": isNarrow(width) ? 10.5 : 12.5 });
    let lowest = -Infinity;
    for (const node of side.values()) {
      labels.append(svgElement("rect", { x: i ? width - margin - 8 : margin, y: node.y, width: 8, height: Math.max(1, node.height), fill: INK }));
      const y = Math.max(node.y + node.height / 2, lowest + 12);
      lowest = y;
      labels.append(svgElement("text", { x: i ? width - margin + 6 : margin - 6, y, dy: "0.35em", "text-anchor": i ? "start" : "end", fill: INK },
        isNarrow(width) ? segmentName(node.segment) : `${segmentName(node.segment)} ${integer.format(node.count)}`));
    }
    svg.append(labels);
  });
  return svg;
}
