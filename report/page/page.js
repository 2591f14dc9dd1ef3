// page.js: the page, a section for each answer: its picture, the numbers as a table, and the
// SQL that gave them.
"use strict";

function tableOf(name, rows) {
  const columns = Object.keys(rows[0] ?? {});
  const head = element("tr", {}, ...columns.map((column) => element("th", { scope: "col", class: isText(column) ? "text" : "number" }, words.columns[column] ?? column)));
  const body = element("tbody");
  for (const row of rows) {
    body.append(element("tr", {}, ...columns.map((column) => {
      const cell = element("td", { class: isText(column) ? "text" : "number" }, written(name, column, row));
      cell.dataset.value = row[column] === null ? "" : String(row[column]);
      return cell;
    })));
  }
  return element("div", { class: "scroll", tabindex: "0" }, element("table", {}, element("caption", {}, words.pictures[name][0]), element("thead", {}, head), body));
}

function fold(kind, title, content) {
  return element("details", { class: kind }, element("summary", {}, title), content);
}

// A picture is drawn as wide as it may be, and again when that changes.
const drawn = [];
function section(name) {
  const { rows, sql, error } = answers[name];
  const [title, lead] = words.pictures[name];
  const picture = element("div", { class: "picture" });
  const all = element("section", { id: name }, element("h2", {}, title), element("p", { class: "lead" }, lead), picture);

  if (error !== undefined) picture.append(element("p", { class: "note" }, `${words.failed} ${error}`));
  else if (rows.length === 0) picture.append(element("p", { class: "note" }, words.empty[name] ?? words.nothing));
  else if (name in PICTURES) drawn.push([picture, name, rows]);
  if (rows?.length > 0) all.append(name in PICTURES ? fold("table", words.table, tableOf(name, rows)) : tableOf(name, rows));
  all.append(fold("sql", words.sql, element("pre", {}, element("code", {}, sql))));
  return all;
}

function draw(width) {
  for (const [place, name, rows] of drawn) place.replaceChildren(PICTURES[name](rows, width));
}

function build() {
  const main = document.getElementById("report");
  const names = Object.keys(answers);
  const heading = fill(words.subtitle, { table: shop.table, as_of: asDate(shop.as_of), zone: shop.zone });
  document.title = `${words.title}: ${heading}`;
  main.append(element("header", {}, element("h1", {}, words.title), element("p", {}, heading),
    element("nav", { "aria-label": words.contents }, ...names.map((name) => element("a", { href: `#${name}` }, words.pictures[name][0])))));
  main.append(...names.map(section));
  const session = element("code", {}, `SET timezone = '${shop.zone}'; ${shop.search_path.replace("SET LOCAL", "SET")}`);
  const [before, after] = words.sqlNote.split("{search_path}");
  main.append(element("footer", {}, element("p", {}, before, session, after), element("p", {}, fill(words.made, shop))));

  const widthHere = () => Math.max(280, Math.floor(main.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft)));
  let width = widthHere();
  draw(width);
  new ResizeObserver(() => {
    if (widthHere() === width) return;
    width = widthHere();
    draw(width);
  }).observe(main);
  // paper is narrower than most windows
  window.addEventListener("beforeprint", () => { onPaper = true; draw(680); });
  window.addEventListener("afterprint", () => { onPaper = false; draw(width); });
}

build();
