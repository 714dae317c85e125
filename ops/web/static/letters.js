// Dead letters: pages of them, the newest first.

import {get} from "./api.js";
import {el, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, instant, shown} from "./text.js";

const COLUMNS = [
  {name: "Letter"}, {name: "Rejected at"}, {name: "Why", wide: true},
  {name: "Published to", middling: true},
  {name: "Bytes", number: true},
];

function row(letter) {
  const cut = letter.cut_from === null ? null : el("span", {class: "fine"}, "cut");
  return [
    el("span", {}, el("a", {href: `#/dead-letters/${letter.sequence}`}, String(letter.sequence)), cut),
    instant(letter.time), shown(letter.reason), shown(letter.subject),
    count(letter.size),
  ];
}

export class Letters {
  constructor(query) {
    this.title = "Dead letters";
    this.before = query.get("before");
    this.every = 3;
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {}, el("h2", {}, "Dead letters"), this.found);
  }

  async refresh() {
    const page = await get("api/dead-letters", {before: this.before, limit: 25});
    const drawn = JSON.stringify(page);
    if (drawn === this.drawn) return;
    if (replaceUnlessInUse(this.found, this.#content(page))) this.drawn = drawn;
  }

  #content({letters, older, stored}) {
    const content = [
      letters.length ? table("Dead letters", COLUMNS, letters.map(row))
        : notice(stored ? "None here; see the older ones." : "There is none."),
      el("p", {class: "below"}, `${count(stored)} in the stream.`),
    ];
    const links = [
      this.before === null ? null : el("a", {class: "button", href: "#/dead-letters"}, "Newest"),
      older === null ? null
        : el("a", {class: "button", href: `#/dead-letters?before=${older}`}, "Older"),
    ];
    return [...content, el("p", {class: "actions"}, ...links.filter(Boolean))];
  }
}
