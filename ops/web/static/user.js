// One user: what was received, what was told, and why the next digest carries an alarm or not.

import {get} from "./api.js";
import {el, facts, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, instant, shown} from "./text.js";
import {WHERE, userLink} from "./users.js";

const COLUMNS = [
  {name: "Alarm", wide: true}, {name: "Status"}, {name: "Changed at"}, {name: "Told"},
  {name: "Next digest"}, {name: "Why", wide: true},
];
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
  constructor(userId, alarmId = null) {
    this.title = "User";
    this.userId = userId;
    this.alarmId = alarmId;
    this.every = 3;
    this.search = el("input", {
      id: "alarm", name: "alarm", type: "search", maxlength: "256", autocomplete: "off",
      autocapitalize: "off", spellcheck: "false",
    });
    this.search.value = alarmId ?? "";
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {},
      el("p", {class: "up"}, el("a", {href: "#/users"}, "Users")),
      el("h2", {}, "User ", shown(userId)),
      el("form", {class: "search", role: "search", submit: (event) => this.#onSearch(event)},
        el("label", {for: "alarm"}, "One alarm, by its whole ID"),
        el("div", {class: "together"}, this.search, el("button", {type: "submit"}, "Why?"))),
      alarmId === null ? null : el("p", {}, el("a", {href: userLink(userId)}, "All alarms")),
      this.found);
  }

  #onSearch(event) {
    event.preventDefault();
    const alarm = this.search.value;
    location.hash = alarm ? userLink(this.userId, alarm) : userLink(this.userId);
  }

  async refresh() {
    const report = await get("api/user", {user: this.userId, alarm: this.alarmId});
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
    const {alarms, known} = report;
    if (!alarms.length) return notice("No alarm is remembered.");
    const rows = alarms.map((alarm) => [
      el("a", {href: userLink(this.userId, alarm.alarm_id)}, shown(alarm.alarm_id)),
      status(alarm.status),
      alarm.changed_at === null ? "" : instant(alarm.changed_at),
      alarm.status === null ? "" : told(alarm),
      alarm.due ? el("b", {class: "due"}, "yes") : "no",
      alarm.explanation,
    ]);
    const more = this.alarmId === null && alarms.length < known
      ? el("p", {class: "below"}, `${count(alarms.length)} of ${count(known)} alarms, those due first.`)
      : null;
    return el("div", {}, table("Alarms", COLUMNS, rows), more);
  }
}
