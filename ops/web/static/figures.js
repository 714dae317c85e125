// The service's figures: kept from one answer to the next, and made into what is drawn.

import {get} from "./api.js";

const SPAN_S = 600;
const LATENCY_SPAN = 8; // samples that a percentile is taken over: a few digests say little

export class Figures {
  constructor() {
    this.samples = [];
    this.latest = null;
    this.spanS = SPAN_S;
  }

  async refresh() {
    const since = this.samples.at(-1)?.since_start_s ?? -1;
    let answer = await get("api/figures", {since});
    if (this.latest && answer.instance !== this.latest.instance || answer.uptime_s < since) {
      this.samples = []; // another process: its counts start anew
      answer = await get("api/figures", {since: -1});
    }
    const samples = answer.samples.map((row) =>
      Object.fromEntries(answer.columns.map((name, place) => [name, row[place]])));
    this.samples = this.samples.concat(samples);
    const end = this.samples.at(-1)?.since_start_s ?? 0;
    this.samples = this.samples.filter((sample) => sample.since_start_s > end - SPAN_S - 5);
    this.latest = answer;
  }

  // Points of states: one a sample.
  states(...names) {
    return this.samples.map((sample) => ({at_s: sample.at_s, values: names.map((name) => sample[name])}));
  }

  // Points of rates a second: one between two samples.
  rates(...names) {
    return this.samples.slice(1).map((sample, place) => {
      const before = this.samples[place];
      const passed = Math.max(0.001, sample.since_start_s - before.since_start_s);
      return {
        at_s: sample.at_s,
        values: names.map((name) => Math.max(0, (sample[name] - before[name]) / passed)),
      };
    });
  }

  // Points of percentiles of a histogram; null where nothing was counted.
  percentiles(name, ...shares) {
    return this.samples.slice(1).map((sample, place) => {
      const before = this.samples[Math.max(0, place + 1 - LATENCY_SPAN)];
      const counts = sample[name].map((count, bucket) => count - before[name][bucket]);
      return {
        at_s: sample.at_s,
        values: shares.map((share) => percentile(counts, this.latest.bounds_s, share)),
      };
    });
  }
}

// Within its bucket a value is taken to lie as far as its share does, as Prometheus does it.
function percentile(counts, bounds, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!total) return null;
  let wanted = share * total;
  for (const [bucket, count] of counts.entries()) {
    if (wanted <= count && count) {
      const low = bucket ? bounds[bucket - 1] : 0;
      const high = bounds[bucket] ?? low;
      return low + ((high - low) * wanted) / count;
    }
    wanted -= count;
  }
  return bounds.at(-1);
}
