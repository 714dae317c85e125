// One dead letter: why, whence, its body; and what an operator does to it.

import {get, post} from "./api.js";
import {el, facts, notice, replaceUnlessInUse, say} from "./dom.js";
import {count, instant, shown, shownBody} from "./text.js";

export class Letter {
  // operator: mayAct(), prove(), ask(); see operator.js.
  constructor(sequence, operator) {
    this.title = `Dead letter ${sequence}`;
    this.sequence = sequence;
    this.operator = operator;
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {},
      el("p", {class: "up"}, el("a", {href: "#/dead-letters"}, "Dead letters")),
      el("h2", {}, `Dead letter ${sequence}`), this.found);
  }

  async refresh() {
    const letter = await get(`api/dead-letters/${encodeURIComponent(this.sequence)}`);
    replaceUnlessInUse(this.found, this.#content(letter));
  }

  #content(letter) {
    const cut = letter.cut_from === null ? null
      : `from ${count(letter.cut_from)} bytes, more than could be published: it cannot be replayed`;
    return [
      facts([
        ["Why", shown(letter.reason)],
        ["Published to", shown(letter.subject)],
        ["Rejected at", instant(letter.time)],
        ["Place in its stream", letter.original_sequence ? count(letter.original_sequence) : null],
        ["Bytes", count(letter.bytes)],
        ["Cut", cut],
      ]),
      el("h3", {}, letter.body_base64 === undefined ? "Body" : "Body, in Base64: it is not text"),
      shownBody(letter.body ?? letter.body_base64),
      letter.cut ? notice("The body is longer; the command line writes all of it.") : null,
      this.#actions(letter),
    ].filter(Boolean);
  }

  #actions(letter) {
    if (!this.operator.mayAct()) {
      return notice("This console only reads: with OPERATOR_TOKEN set, letters can be replayed and dropped here.");
    }
    return el("div", {class: "actions"},
      letter.cut_from !== null ? null : el("button", {type: "button", click: () => this.#act(letter, "replay", {
        title: `Replay letter ${letter.sequence}?`,
        text: "Its body is published unchanged to where it came from; then the letter is deleted. " +
          "What is rejected again becomes a new letter.",
        yes: "Replay",
      })}, "Replay"),
      el("button", {type: "button", class: "danger", click: () => this.#act(letter, "drop", {
        title: `Drop letter ${letter.sequence}?`, text: "It is deleted for good.", yes: "Drop for good",
      })}, "Drop"));
  }

  async #act(letter, verb, question) {
    if (!(await this.operator.prove()) || !(await this.operator.ask(question))) return;
    try {
      const done = await post(`api/dead-letters/${letter.sequence}/${verb}`, {time: letter.time});
      location.hash = "#/dead-letters";
      say(`Letter ${done.sequence} ${done.done}.`);
    } catch (problem) {
      say(`Not done: ${problem.message}.`);
      if (problem.status === 401) this.operator.lose();
    }
  }
}
