// Building the page. Text is only ever text: nothing here parses markup.

// el("td", {class: "number", "data-label": "Due"}, child, …) — null children are left out.
export function el(name, attributes = {}, ...children) {
  const host = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (typeof value === "function") host.addEventListener(key, value);
    else host.setAttribute(key, value === true ? "" : value);
  }
  host.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return host;
}

// Names and what they are.
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", {class: "facts"},
    rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// A table whose cells know their column, so that a narrow screen can show a row as a card.
// columns: [{name, short, number, wide, middling}], rows: arrays of nodes or text. Only what is wide or
// middling is broken; the short name is for cards.
export function table(caption, columns, rows) {
  const head = columns.map((column) =>
    el("th", {scope: "col", role: "columnheader",
      class: [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || null}, column.name));
  const body = rows.map((cells) =>
    el("tr", {role: "row"}, cells.map((cell, place) => {
      const {name, short, number, wide, middling} = columns[place];
      const kind = [number && "number", wide && "wide", middling && "middling", cell === "" && "empty"];
      const label = {class: kind.filter(Boolean).join(" ") || null, "data-label": short ?? name};
      // The roles are said because a card's display would take them away.
      return place === 0
        ? el("th", {scope: "row", role: "rowheader", ...label}, cell)
        : el("td", {role: "cell", ...label}, cell);
    })));
  return el("table", {role: "table"}, el("caption", {class: "unseen-caption"}, caption),
    el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, head)),
    el("tbody", {role: "rowgroup"}, body));
}

export function notice(text) {
  return el("p", {class: "note"}, text);
}

// Say something to eyes and screen readers alike, for a while.
let silence = 0;
export function say(text) {
  const said = document.getElementById("said");
  clearTimeout(silence);
  said.textContent = text;
  silence = setTimeout(() => { said.textContent = ""; }, 8000);
}

// Put new content in place, unless somebody reads it with keyboard or selection just now.
export function replaceUnlessInUse(host, content) {
  const selection = document.getSelection();
  const selected = selection && !selection.isCollapsed && host.contains(selection.anchorNode);
  if (host.contains(document.activeElement) || selected) return false;
  host.replaceChildren(...content);
  return true;
}
