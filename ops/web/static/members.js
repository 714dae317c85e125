// Members: the instances side by side, and the partitions on the move.

import {get} from "./api.js";
import {el, notice, replaceUnlessInUse, table} from "./dom.js";
import {count, duration, shown, short} from "./text.js";

const COLUMNS = [
  {name: "Instance", wide: true}, {name: "State"}, {name: "Up for", number: true}, {name: "Last beat", number: true},
  {name: "Partitions", wide: true}, {name: "Messages/s", number: true}, {name: "Waiting", number: true},
  {name: "Behind", number: true}, {name: "Version"}, {name: "Console"},
];

const said = (value, how) => (value === null ? "" : how(value));

// 0-2, 7
export function inRanges(numbers) {
  const ranges = [];
  for (const number of [...numbers].sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(", ");
}

function row(member, me) {
  const beat = duration(member.beat_age_s);
  return [
    el("span", {}, shown(member.name), member.instance_id === me ? " (this one)" : ""),
    member.state === "up" ? "up" : el("b", {class: member.state === "stands by" ? null : "due"}, member.state),
    duration(member.age_s),
    member.beats ? `${beat} ago` : `none in ${beat}`,
    member.partitions.length ? `${member.partitions.length}: ${inRanges(member.partitions)}` : "0",
    said(member.taken_per_s, short), said(member.waiting, count), said(member.behind_s, duration),
    shown(member.version), said(member.address, shown),
  ];
}

// Many partitions that go the same way are one line.
function moves(moving, names) {
  const ways = new Map();
  for (const {partition, home, should_be: wanted} of moving) {
    const way = JSON.stringify([home, wanted]);
    ways.set(way, [...(ways.get(way) ?? []), partition]);
  }
  return [...ways].map(([way, numbers]) => {
    const [home, wanted] = JSON.parse(way);
    return el("li", {}, `${inRanges(numbers)}: `,
      ...(home === null ? ["nobody’s"] : ["at home at ", shown(names.get(home) ?? home)]),
      ...(wanted === null ? [", and nobody is up to have it"]
        : [", to be at home at ", shown(names.get(wanted) ?? wanted)]));
  });
}

export class Members {
  constructor() {
    this.title = "Instances";
    this.every = 3;
    this.found = el("div", {class: "found"}, notice("Looking…"));
    this.element = el("div", {}, el("h2", {}, "Instances"), this.found);
  }

  async refresh() {
    const answer = await get("api/members");
    const drawn = JSON.stringify(answer);
    if (drawn === this.drawn) return;
    if (replaceUnlessInUse(this.found, this.#content(answer))) this.drawn = drawn;
  }

  #content({me, instances, moving}) {
    if (!instances.length) {
      return [notice("No instance is known: on core NATS there are no partitions, and each works for itself.")];
    }
    const names = new Map(instances.map((member) => [member.instance_id, member.name]));
    const content = [table("Instances", COLUMNS, instances.map((member) => row(member, me)))];
    content.push(moving.length
      ? el("section", {}, el("h3", {}, "Partitions on the move"), el("ul", {}, moves(moving, names)))
      : el("p", {class: "below"}, "Every partition is where it should be."));
    return content;
  }
}
