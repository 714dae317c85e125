// One user: what was received, what was told, and why the next digest carries an alarm or not.

import {get} from "./api.js";
import {el, facts, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, instant, sentence, shown} from "./text.js";
import {WHERE, userLink} from "./users.js";

const COLUMNS = [
  {name: "Alarm", wide: true}, {name: "Status"}, {name: "Changed at"}, {name: "Told"},
  {name: "Next digest"}, {name: "Why", wide: true},
];
const PAGE = 25;
// The service lists no more at once; those due come first, then the active ones.
const LISTED_MAX = 1000;
const CHOICES = [["", "All", "known"], ["active", "Active", "active"], ["due", "Due", "due"]];
const SIGNS = {CRITICAL: "▲", WARNING: "◆", CLEARED: "●"};

function status(word) {
  if (word === null) return "";
  return el("span", {class: `status ${word.toLowerCase()}`},
    el("span", {"aria-hidden": "true"}, SIGNS[word] ?? ""), ` ${word}`);
}

function told(alarm) {
  if (alarm.told_status === null) return "never";
  return el("span", {}, status(alarm.told_status),
    el("span", {class: "fine"}, "as of ", instant(alarm.told_at)));
}

export class User {
  // query: part, only, page.
  constructor(userId, alarmId = null, query = new URLSearchParams()) {
    this.title = "User";
    this.userId = userId;
    this.alarmId = alarmId;
    this.part = query.get("part") ?? "";
    this.only = query.get("only") ?? "";
    this.page = Math.max(1, Number.parseInt(query.get("page"), 10) || 1);
    this.every = 3;
    this.search = el("input", {
      id: "alarm", name: "alarm", type: "search", maxlength: "256", autocomplete: "off",
      autocapitalize: "off", spellcheck: "false",
    });
    this.search.value = alarmId ?? this.part;
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {},
      el("p", {class: "up"}, el("a", {href: "#/users"}, "Users")),
      el("h2", {}, "User ", shown(userId)),
      el("form", {class: "search", role: "search", submit: (event) => this.#onSearch(event)},
        el("label", {for: "alarm"}, "Alarm ID, or a part of it"),
        el("div", {class: "together"}, this.search, el("button", {type: "submit"}, "Find"))),
      alarmId === null ? null : el("p", {}, el("a", {href: userLink(userId)}, "All alarms")),
      this.found);
  }

  #onSearch(event) {
    event.preventDefault();
    location.hash = this.#address({part: this.search.value, only: this.only});
  }

  #address(query) {
    const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
    return said ? `${userLink(this.userId)}?${said}` : userLink(this.userId);
  }

  async refresh() {
    const limit = this.part ? LISTED_MAX : Math.min(LISTED_MAX, this.page * PAGE);
    const report = await get("api/user", {user: this.userId, alarm: this.alarmId, limit});
    const drawn = JSON.stringify(report);
    if (drawn === this.drawn) return;
    if (replaceUnlessInUse(this.found, this.#content(report))) this.drawn = drawn;
  }

  #content(report) {
    if (report.source === "nowhere") {
      return [notice("Nothing is known of such a user: no event of it arrived, or it is written otherwise.")];
    }
    const owed = report.owed &&
      `a digest with ${count(report.owed.alarms)} alarms is made and not yet known to be published`;
    return [
      facts([
        ["Alarms", `${count(report.known)} known, ${count(report.active)} active, ` +
          `${count(report.due)} due in the next digest`],
        ["Where", report.source === "stored" ? "stored; in no instance’s memory" : WHERE[report.source]],
        ["At home", (report.home ?? null) === null ? null
          : el("span", {}, "at ", shown(report.home), `, partition ${report.partition}`)],
        ["Digests given", count(report.digests)],
        ["Owed", owed],
        ["Unsaved messages", report.unsaved === null ? null : count(report.unsaved)],
        ["Saves so far", count(report.version)],
        ["Note", report.note],
      ]),
      this.#alarms(report),
    ];
  }

  #alarms(report) {
    if (this.alarmId !== null) return this.#table(report.alarms);
    if (!report.known) return notice("No alarm is remembered.");
    const fitting = report.alarms.filter((alarm) => this.#fits(alarm));
    const first = (this.page - 1) * PAGE;
    const alarms = fitting.slice(first, first + PAGE);
    // With a part of an id, only what is listed can be counted.
    const total = this.part ? fitting.length : report[this.#choice()[2]];
    const more = first + PAGE < Math.min(total, LISTED_MAX);
    const query = {part: this.part, only: this.only};
    const links = [
      this.page > 1 ? el("a", {class: "button", href: this.#address({...query, page: this.page - 1})}, "Previous page") : null,
      more ? el("a", {class: "button", href: this.#address({...query, page: this.page + 1})}, "Next page") : null,
    ];
    return el("div", {},
      el("nav", {class: "choice", "aria-label": "Which alarms"}, CHOICES.map(([only, name, counted]) =>
        el("a", {href: this.#address({part: this.part, only}), "aria-current": only === this.only ? "true" : null},
          `${name} (${count(report[counted])})`))),
      alarms.length ? this.#table(alarms) : this.#none(),
      el("p", {class: "below"}, this.#counted(report, first, alarms.length, total)),
      el("p", {class: "actions"}, ...links.filter(Boolean)));
  }

  #choice() {
    return CHOICES.find(([only]) => only === this.only) ?? CHOICES[0];
  }

  #fits(alarm) {
    if (this.part && !alarm.alarm_id.toLowerCase().includes(this.part.toLowerCase())) return false;
    if (this.only === "due") return alarm.due;
    return this.only !== "active" || (alarm.status !== null && alarm.status !== "CLEARED");
  }

  #none() {
    if (!this.part) return notice("None of them is such a one.");
    return el("p", {class: "note"}, "No alarm that is looked at has an id that holds this. ",
      el("a", {href: userLink(this.userId, this.part)}, "What is known of the alarm ", shown(this.part)));
  }

  #counted({known}, first, here, total) {
    const said = here ? [`${count(first + 1)} to ${count(first + here)} of ${count(total)}, those due first, then the active ones.`] : [];
    if (known > LISTED_MAX && (this.part || total > LISTED_MAX)) {
      said.push(`The first ${count(LISTED_MAX)} of ${count(known)} are looked at; the command line shows all.`);
    }
    return said.join(" ");
  }

  #table(alarms) {
    return table("Alarms", COLUMNS, alarms.map((alarm) => [
      el("a", {href: userLink(this.userId, alarm.alarm_id)}, shown(alarm.alarm_id)),
      status(alarm.status),
      alarm.changed_at === null ? "" : instant(alarm.changed_at),
      alarm.status === null ? "" : told(alarm),
      alarm.due ? el("b", {class: "due"}, "yes") : "no",
      sentence(alarm.explanation),
    ]));
  }
}
