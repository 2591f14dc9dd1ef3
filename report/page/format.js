// format.js: values as the reader is used to see them. The language is the report's; its
// numbers and dates are those of the reader's own country where that speaks it.
"use strict";

const { shop, pictures: answers } = JSON.parse(document.getElementById("data").textContent);
const words = WORDS[shop.language];
const locale = navigator.languages.find((name) => name.split("-")[0] === shop.language) ?? shop.language;

const integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const twoDecimals = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const fine = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const percent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const wholePercent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const signedPercent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
const signed = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const currency = shop.currency ? { style: "currency", currency: shop.currency } : {};
const money = new Intl.NumberFormat(locale, { ...currency, minimumFractionDigits: 2, maximumFractionDigits: 2 });
const wholeMoney = new Intl.NumberFormat(locale, { ...currency, minimumFractionDigits: 0, maximumFractionDigits: 0 });
const compactMoney = new Intl.NumberFormat(locale, { ...currency, notation: "compact", maximumFractionDigits: 1 });

const dateOf = (style) => {
  const format = new Intl.DateTimeFormat(locale, { ...style, timeZone: "UTC" });
  // the day that is written, wherever the reader is
  return (text) => format.format(new Date(`${String(text).slice(0, 10)}T00:00:00Z`));
};
const asDate = dateOf({ dateStyle: "long" });
const asMonth = dateOf({ year: "numeric", month: "short" });
const asShortMonth = dateOf({ month: "short" });
const asInitial = dateOf({ month: "narrow" });
const asDay = dateOf({ day: "numeric", month: "short" });
const asYear = dateOf({ year: "numeric" });
const asQuarter = (text) => `${shop.language === "fr" ? "T" : "Q"}${Math.ceil(Number(String(text).slice(5, 7)) / 3)} ${asYear(text)}`;
const dayIn = (month) => `2001-${String(month).padStart(2, "0")}-01`;
const monthName = (month) => asShortMonth(dayIn(month));
const narrowMonth = (month) => asInitial(dayIn(month));

const segmentName = (segment) => shop.segments[segment] ?? segment;
const isNumber = (value) => value !== null && value !== "" && Number.isFinite(Number(value));
const number = (format) => (value) => (isNumber(value) ? format.format(Number(value)) : words.none);
const asMoney = (value) => number(Math.abs(Number(value)) >= 10000 ? wholeMoney : money)(value);

// "{n} customers": the values named in a sentence
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? words.none);

// The parts of a sentence, which semicolons divide, of which something is known in a row
function knownParts(sentence, row) {
  const semicolon = sentence.match(/\s?; /)?.[0] ?? "; ";
  const namesIn = (part) => [...part.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return sentence.split(semicolon).filter((part) => namesIn(part).some((name) => row[name] !== null)).join(semicolon);
}

// How the columns of the answers are written; those of one name mean the same everywhere,
// and what is not here is a whole number.
const COLUMNS = {
  ...Object.fromEntries([
    "repeat_rate", "second_order_rate", "inactive_rate", "gross_retention", "net_retention", "best_share", "rate", "dormant_rate", "share",
    "share_low", "share_high", "revenue_share", "p_order",
  ].map((name) => [name, number(percent)])),
  ...Object.fromEntries(["error", "error_low", "error_high"].map((name) => [name, number(signedPercent)])),
  ...Object.fromEntries([
    "aov", "value_so_far", "clv", "at_risk_revenue", "next_year_revenue", "cumulative_revenue", "ltv", "revenue", "expected_revenue", "revenue_so_far",
  ].map((name) => [name, asMoney])),
  ...Object.fromEntries(["value", "control_value", "difference", "ci_low", "ci_high", "std_error", "p_value", "factor"].map((name) => [name, number(fine)])),
  orders_each: number(decimal),
  quick_ratio: number(decimal),
  first_at: asDate,
  last_at: asDate,
  period_start: asMonth,
  origin: asDate,
  cohort: asMonth,
  month: monthName,
  segment: segmentName,
  from_segment: segmentName,
  to_segment: segmentName,
  severity: (value) => words.severity[value],
  check_name: (value) => words.checkNames[value],
  churn_risk: (value) => words.risk[value] ?? words.none,
  metric: (value) => words.metric[value],
  kpi: (value) => words.kpis[value],
  is_complete: (value) => words.truth[value],
  customer: String,
  arm: String,
};
const KPI_FORMATS = { orders: number(integer), revenue: asMoney, aov: asMoney, clv: asMoney };
const kpiFormat = (kpi) => KPI_FORMATS[kpi] ?? number(percent);

// A cell of a picture's table
function written(picture, column, row) {
  const value = row[column];
  if (picture === "forecast" && column === "period_start" && value === null) return words.total;
  if (picture === "earlier" && column === "origin" && value === null) return words.mean;
  if (value === null) return words.none;
  if (picture === "kpis" && column !== "kpi") return kpiFormat(row.kpi)(value);
  if (picture === "ltv" && column === "cohort") return asQuarter(value);
  return (COLUMNS[column] ?? number(integer))(value);
}

// Text, and not numbers: it stands on the left
const isText = (column) => /^(severity|check_name|kpi|segment|from_segment|to_segment|churn_risk|metric|arm|customer|cohort|period_start|origin|month|is_complete)$/.test(column);
