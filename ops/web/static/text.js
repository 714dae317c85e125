// Text from outside, shown as what it is: ids may hold anything that UTF-8 can.

// What is not to be seen, or changes how other characters are seen: controls, marks of direction,
// halves of characters, blanks that are none; spaces where one would overlook them.
const UNSEEN =
  /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]|(?! )\p{Zs}|^ +| +$| {2,}/gu;
const UNSEEN_IN_BODY = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
// It joins emoji to one, such as a family; elsewhere it hides.
const JOINER = "\u200d";
const JOINS = /\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}\ufe0f]?$/u;
const JOINED = /^\p{Extended_Pictographic}/u;

function escaped(characters) {
  return Array.from(characters, (character) => {
    const code = character.codePointAt(0);
    if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
    if (code < 0x10000) return "\\u" + code.toString(16).padStart(4, "0");
    return "\\u{" + code.toString(16) + "}";
  }).join("");
}

// Cut text into pieces: [text, whether it stands for what is not to be seen].
function pieces(text, unseen) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(unseen)) {
    const before = text.slice(end, match.index);
    const after = text.slice(match.index + match[0].length);
    if (match[0] === JOINER && JOINS.test(text.slice(0, match.index)) && JOINED.test(after)) continue;
    if (match[0] === "\n" && unseen === UNSEEN_IN_BODY) continue;
    if (before) found.push([before, false]);
    found.push([escaped(match[0]), true]);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push([text.slice(end), false]);
  return found;
}

function marked(host, text, unseen) {
  for (const [piece, hidden] of pieces(text, unseen)) {
    if (!hidden) {
      host.append(piece);
      continue;
    }
    const mark = document.createElement("span");
    mark.className = "unseen";
    mark.textContent = piece;
    host.append(mark);
  }
  return host;
}

// An id or a word as an element: in a direction of its own, with marks for what is not to be seen.
export function shown(text) {
  const host = document.createElement("bdi");
  host.className = "id";
  return marked(host, text, UNSEEN);
}

// A body: its lines stay lines.
export function shownBody(text) {
  const host = document.createElement("pre");
  host.tabIndex = 0;
  host.dir = "ltr";
  return marked(host, text, UNSEEN_IN_BODY);
}

// The same in plain text, for titles and labels.
export function plain(text) {
  return pieces(text, UNSEEN).map(([piece]) => piece).join("");
}

const INSTANT = /^(\d{4}-\d\d-\d\dT)([\d:.]+Z)$/;

// An instant, exact as it came; where it must be broken, it is between day and time.
export function instant(text) {
  const host = document.createElement("time");
  const parts = INSTANT.exec(text);
  if (!parts) {
    host.append(shown(text));
    return host;
  }
  for (const [place, part] of parts.slice(1).entries()) {
    if (place) host.append(document.createElement("wbr"));
    const piece = document.createElement("span");
    piece.textContent = part;
    host.append(piece);
  }
  return host;
}

const INSTANTS = /(\d{4}-\d\d-\d\dT[\d:.]+Z)/;

// A sentence in which instants are not broken.
export function sentence(text) {
  const host = document.createElement("span");
  for (const [place, piece] of text.split(INSTANTS).entries()) host.append(place % 2 ? instant(piece) : piece);
  return host;
}

// Whether a check says that all is well; "ok" may be followed by more.
export const isWell = (found) => /^ok(, |$)/.test(found);

// What a check is about, and what it means that all is well, where the check says no more itself.
const CHECKS = {
  phase: ["Service", "takes messages"],
  nats: ["NATS", "connected"],
  mongodb: ["MongoDB", "answers"],
  "dead letters": ["Dead letters", "are taken by their stream"],
  reading: ["Log", "is read as it comes"],
  digests: ["Digests", "are taken by their stream"],
  beats: ["Signs of life", "are confirmed by MongoDB: digests are published"],
  partitions: ["Partitions", "are where they should be"],
  progress: ["Messages", "those taken are settled"],
  "event loop": ["Event loop", "turns"],
  actors: ["Actors", "do their work"],
  timer: ["Timers", "ring in time"],
};

// A check for people: what it is about, and how that is.
export function check(name, found) {
  const [label, well] = CHECKS[name] ?? [name, "well"];
  return [label, found === "ok" ? well : found.replace(/^ok, /, "")];
}

// 12,345 — and 12.3k where there is no room for more.
export function count(number) {
  return number.toLocaleString("en-GB");
}

export function short(number) {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (number >= size) return (number / (unit === "k" ? 1e3 : size)).toFixed(1) + unit;
  }
  return number >= 100 || Number.isInteger(number) ? count(Math.round(number)) : number.toFixed(1);
}

export function duration(seconds) {
  if (seconds < 0.0995) return (seconds * 1000).toFixed(seconds > 0 && seconds < 0.00995 ? 1 : 0) + " ms";
  if (seconds < 10) return seconds.toFixed(1) + " s";
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return Math.round(seconds / 3600) + " h";
  return Math.round(seconds / 86400) + " days";
}

export function clock(secondsSince1970) {
  return new Date(secondsSince1970 * 1000).toLocaleTimeString("en-GB");
}
