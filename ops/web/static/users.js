// Users: those used last, those with most due, those whose id begins with something.

import {get} from "./api.js";
import {el, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, shown} from "./text.js";

const COLUMNS = [
  {name: "User", wide: true}, {name: "Where"}, {name: "Due", number: true},
  {name: "Active", number: true}, {name: "Known", number: true}, {name: "Digests", number: true},
  {name: "Owed"}, {name: "Unsaved", number: true},
];

export const userLink = (userId, ...rest) =>
  `#/users/${[userId, ...rest].map(encodeURIComponent).join("/")}`;

export const WHERE = {live: "in memory", stored: "stored", nowhere: "nowhere"};

const ORDERS = [["recent", "Used last"], ["due", "Most due"], ["id", "By id"]];

function row(line) {
  return [
    el("a", {href: userLink(line.user_id)}, shown(line.user_id)),
    WHERE[line.source] ?? line.source,
    line.due ? el("b", {class: "due"}, count(line.due)) : "0",
    count(line.active), count(line.known), count(line.digests),
    line.owes ? "yes" : "", line.unsaved ? count(line.unsaved) : "",
  ];
}

export class Users {
  // query: order, prefix, after.
  constructor(query) {
    this.title = "Users";
    this.order = query.get("order") ?? (query.has("prefix") ? "id" : "recent");
    this.prefix = query.get("prefix") ?? "";
    this.after = query.get("after") ?? "";
    this.every = this.order === "due" ? 0 : 3;
    this.search = el("input", {
      id: "prefix", name: "prefix", type: "search", maxlength: "256", autocomplete: "off",
      autocapitalize: "off", spellcheck: "false",
    });
    this.search.value = this.prefix;
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {},
      el("h2", {}, "Users"),
      el("form", {class: "search", role: "search", submit: (event) => this.#onSearch(event)},
        el("label", {for: "prefix"}, "User ID, or how it begins"),
        el("div", {class: "together"}, this.search, el("button", {type: "submit"}, "Find"))),
      el("nav", {class: "choice", "aria-label": "Order"}, ORDERS.map(([order, name]) =>
        el("a", {href: `#/users?order=${order}`,
          "aria-current": order === this.order && !this.prefix ? "true" : null}, name))),
      this.found);
  }

  #onSearch(event) {
    event.preventDefault();
    location.hash = `#/users?${new URLSearchParams({prefix: this.search.value})}`;
  }

  async refresh() {
    const byId = this.order === "id";
    const answer = await get("api/users", {
      order: this.order, limit: 50, prefix: byId ? this.prefix : null, after: byId ? this.after : null,
    });
    const drawn = JSON.stringify(answer);
    if (drawn === this.drawn) return;
    if (replaceUnlessInUse(this.found, this.#content(answer))) this.drawn = drawn;
  }

  #content({users, live, next}) {
    const said = [`${count(users.length)} shown`];
    if (live !== null) said.push(`${count(live)} in memory`);
    const content = [
      users.length ? table("Users", COLUMNS, users.map(row)) : notice(this.#nobody()),
      el("p", {class: "below"}, said.join(", ") + "."),
    ];
    // Its own id is the first of all that begin so.
    if (this.prefix && users[0]?.user_id === this.prefix) {
      content.unshift(el("p", {}, el("a", {href: userLink(this.prefix)},
        "Open the user ", shown(this.prefix))));
    }
    if (next !== null) {
      const query = new URLSearchParams({order: "id", prefix: this.prefix, after: next});
      content.push(el("p", {}, el("a", {class: "button", href: `#/users?${query}`}, "Next page")));
    }
    return content;
  }

  #nobody() {
    if (this.order === "recent") return "No user is in memory here. Others are stored: see “By id”.";
    return this.prefix ? "No stored user has this id, or one that begins so; capitals count." : "No user is stored.";
  }
}
