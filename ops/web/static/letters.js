// Dead letters: pages of them, the newest first; those of one reason, of one subject.

import {get} from "./api.js";
import {el, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, instant, shown} from "./text.js";

const COLUMNS = [
  {name: "Letter", number: true}, {name: "Rejected at"}, {name: "User", wide: true},
  {name: "Why, and how the body begins", short: "Why", wide: true},
  {name: "Published to", middling: true},
  {name: "Bytes", number: true},
];
const PAGE = 25;

const address = (query) => {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return said ? `#/dead-letters?${said}` : "#/dead-letters";
};

function body(letter) {
  if (letter.begin === null) return el("span", {class: "fine"}, "a long body: open the letter");
  if (!letter.begin) return el("span", {class: "fine"}, "an empty body");
  return el("code", {class: "fine"}, shown(letter.begin));
}

function row(letter) {
  const cut = letter.cut_from === null ? null : el("span", {class: "fine"}, "cut");
  return [
    el("span", {}, el("a", {href: `#/dead-letters/${letter.sequence}`}, String(letter.sequence)), cut),
    instant(letter.time), letter.user === null ? "" : shown(letter.user),
    el("span", {}, el("a", {
      class: "unmarked", title: "Those of this reason only", href: address({reason: letter.reason}),
    }, shown(letter.reason)), body(letter)),
    shown(letter.subject), count(letter.size),
  ];
}

export class Letters {
  // query: reason, subject, before.
  constructor(query) {
    this.title = "Dead letters";
    this.reason = query.get("reason") ?? "";
    this.subject = query.get("subject") ?? "";
    this.before = query.get("before");
    // What fits is looked for in thousands of letters.
    this.every = this.reason || this.subject ? 15 : 3;
    this.search = el("input", {
      id: "reason", name: "reason", type: "search", maxlength: "256", autocomplete: "off",
      autocapitalize: "off", spellcheck: "false",
    });
    this.search.value = this.reason;
    this.subjects = el("nav", {class: "choice", "aria-label": "Published to"});
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {}, el("h2", {}, "Dead letters"),
      el("form", {class: "search", role: "search", submit: (event) => this.#onSearch(event)},
        el("label", {for: "reason"}, "The reason, or a part of it"),
        el("div", {class: "together"}, this.search, el("button", {type: "submit"}, "Find"))),
      this.subjects, this.found);
  }

  #onSearch(event) {
    event.preventDefault();
    location.hash = address({reason: this.search.value, subject: this.subject});
  }

  async refresh() {
    const page = await get("api/dead-letters", {
      before: this.before, limit: PAGE, reason: this.reason || null, subject: this.subject || null,
    });
    const drawn = JSON.stringify(page);
    if (drawn === this.drawn) return;
    if (!this.drawn) this.subjects.replaceChildren(...this.#choice(page.subjects));
    if (replaceUnlessInUse(this.found, this.#content(page))) this.drawn = drawn;
  }

  #choice(subjects) {
    return ["", ...subjects].map((subject) => el("a", {
      href: address({reason: this.reason, subject}),
      "aria-current": subject === this.subject ? "true" : null,
    }, subject ? shown(subject) : "All"));
  }

  #content(page) {
    const {letters, older} = page;
    const kept = {reason: this.reason, subject: this.subject};
    const links = [
      this.before === null ? null : el("a", {class: "button", href: address(kept)}, "Newest"),
      older === null ? null
        : el("a", {class: "button", href: address({...kept, before: older})}, "Older"),
    ];
    return [
      letters.length ? table("Dead letters", COLUMNS, letters.map(row)) : notice(this.#none(page)),
      el("p", {class: "below"}, this.#counted(page)),
      el("p", {class: "actions"}, ...links.filter(Boolean)),
    ];
  }

  #none({stored, older}) {
    if (!stored) return "There is none.";
    return older === null ? "None of them is such a one." : "None here; see the older ones.";
  }

  #counted({stored, looked_at: lookedAt, fitting}) {
    const all = `${count(stored)} in the stream.`;
    if (!this.reason && !this.subject) return all;
    const where = this.before === null ? "the newest" : "the next";
    return `${count(fitting)} of ${where} ${count(lookedAt)} looked at; ${all}`;
  }
}
