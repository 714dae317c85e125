// The overview: figures, plots, checks, and what was counted since the start.

import {el, facts, notice} from "./dom.js";
import {Plot} from "./plot.js";
import {check, count, duration, isWell, short} from "./text.js";

const rate = (value) => `${short(value)}/s`;

function tile(name) {
  const value = el("dd", {class: "value"}, "–");
  const more = el("dd", {class: "more"}, "");
  return {element: el("div", {class: "tile"}, el("dt", {}, name), value, more), value, more};
}

export class Overview {
  constructor(figures) {
    this.title = "Overview";
    this.figures = figures;
    this.tiles = {
      events: tile("Messages taken"), digests: tile("Digests"), waiting: tile("Waiting"),
      flight: tile("In flight"), users: tile("Users in memory"), letters: tile("Dead letters"),
    };
    this.plots = {
      rates: new Plot("Messages a second", [
        {name: "taken", style: "main"}, {name: "settled", style: "second"}], short, 10),
      lag: new Plot("Waiting in the stream", [{name: "messages", style: "main"}], short, 10),
      digests: new Plot("Digest latency", [
        {name: "95 %", style: "main"}, {name: "median", style: "second"}], duration, 0.05),
      saves: new Plot("Checkpoint duration", [
        {name: "95 %", style: "main"}, {name: "median", style: "second"}], duration, 0.05),
      flight: new Plot("In flight", [{name: "messages", style: "main"}], short, 10),
      users: new Plot("Users in memory", [{name: "users", style: "main"}], short, 10),
    };
    this.checks = el("ul", {class: "checks"});
    this.counts = el("div", {});
    this.element = el("div", {},
      el("h2", {class: "unseen-caption"}, "Overview"),
      el("dl", {class: "tiles"}, Object.values(this.tiles).map(({element}) => element)),
      el("section", {class: "plots", "aria-label": "Plots of the last ten minutes"},
        Object.values(this.plots).map(({element}) => element)),
      el("div", {class: "columns"},
        el("section", {}, el("h3", {}, "Checks"), this.checks),
        el("section", {}, el("h3", {}, "Since the start"), this.counts)));
    this.draw();
  }

  // All that it shows has been asked for already.
  async refresh() {}

  draw() {
    const {latest, samples, spanS} = this.figures;
    if (!latest) return;
    const now = samples.at(-1);
    if (now) this.#drawNow(latest, now);
    this.plots.rates.show(this.figures.rates("taken", "settled"), spanS);
    this.plots.lag.show(this.figures.states("waiting"), spanS);
    this.plots.digests.show(this.figures.percentiles("digest_latencies", 0.95, 0.5), spanS);
    this.plots.saves.show(this.figures.percentiles("checkpoint_durations", 0.95, 0.5), spanS);
    this.plots.flight.show(this.figures.states("in_flight"), spanS);
    this.plots.users.show(this.figures.states("live_users"), spanS);
    this.checks.replaceChildren(...Object.entries(latest.checks).map(([name, found]) => {
      const [label, said] = check(name, found);
      return el("li", {class: isWell(found) ? "good" : "bad"},
        el("span", {class: "mark", "aria-hidden": "true"}, isWell(found) ? "✓" : "!"),
        el("b", {}, `${label}: `), said);
    }));
    this.#drawCounts(latest);
  }

  #drawNow(latest, now) {
    const {events, digests, waiting, flight, users, letters} = this.tiles;
    const lately = this.figures.rates("taken", "settled", "digests").slice(-5);
    const mean = (place) =>
      lately.reduce((sum, point) => sum + point.values[place], 0) / Math.max(1, lately.length);
    events.value.textContent = rate(mean(0));
    events.more.textContent = `settled ${rate(mean(1))}`;
    digests.value.textContent = rate(mean(2));
    digests.more.textContent = `${count(now.digests)} since the start`;
    waiting.value.textContent = short(now.waiting);
    waiting.more.textContent = now.waiting ? `the oldest for ${duration(now.behind_s)} at most` : "caught up";
    flight.value.textContent = short(now.in_flight);
    flight.more.textContent = `of ${count(latest.in_flight_max)} at the most`;
    users.value.textContent = short(now.live_users);
    users.more.textContent = `process up for ${duration(latest.uptime_s)}`;
    letters.value.textContent = short(now.dead_letters);
    letters.more.textContent = "since the start";
    letters.element.classList.toggle("warn", now.dead_letters > 0);
  }

  #drawCounts(latest) {
    const words = {...latest.counts};
    if (latest.dropped) words["messages lost on core NATS"] = latest.dropped;
    const counted = Object.entries(words).filter(([, number]) => number);
    const rejected = Object.entries(latest.dead_letters).filter(([, number]) => number);
    this.counts.replaceChildren(
      counted.length ? facts(counted.map(([name, number]) => [name, count(number)]))
        : notice("Nothing yet."),
      ...(rejected.length ? [el("h4", {}, "Dead letters by reason"),
        facts(rejected.map(([name, number]) => [name.replaceAll("_", " "), count(number)]))] : []));
  }
}
