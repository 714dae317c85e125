// The page: which view the address names, what is asked when, keys.

import {Problem} from "./api.js";
import {el, notice} from "./dom.js";
import {Figures} from "./figures.js";
import {Letter} from "./letter.js";
import {Letters} from "./letters.js";
import {Members} from "./members.js";
import {Operator} from "./operator.js";
import {Overview} from "./overview.js";
import {check, clock, isWell} from "./text.js";
import {User} from "./user.js";
import {Users} from "./users.js";

const byId = (id) => document.getElementById(id);
const figures = new Figures();
const operator = new Operator(() => open());
let view = null;
let answeredAt = null;

// #/users/<id>/<alarm>?<query>; what cannot be read is the overview.
function named() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  let parts;
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    parts = [""];
  }
  const [first, second, third] = parts;
  if (first === "users") {
    return ["users", () => (second ? new User(second, third || null, query) : new Users(query))];
  }
  if (first === "dead-letters") {
    return ["dead-letters", () => (second ? new Letter(second, operator) : new Letters(query))];
  }
  if (first === "instances") return ["instances", () => new Members()];
  return ["overview", () => new Overview(figures)];
}

function open(byPerson = false) {
  const [name, make] = named();
  view = make();
  view.nextAt = 0;
  byId("main").replaceChildren(view.element);
  document.title = `${view.title} – Alarm digest`;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (byPerson) {
    byId("main").focus({preventScroll: true});
    scrollTo(0, 0);
  }
  refreshView(view);
}

async function refreshView(shown) {
  const now = performance.now();
  if (shown.busy || now < shown.nextAt) return;
  shown.busy = true;
  try {
    await shown.refresh();
    shown.problem?.remove();
    shown.problem = null;
  } catch (problem) {
    if (shown === view) showProblem(shown, problem);
  } finally {
    shown.busy = false;
    const waitS = shown.problem ? 4 : shown.every || Infinity;
    shown.nextAt = performance.now() + waitS * 1000;
  }
}

function showProblem(shown, problem) {
  const known = problem instanceof Problem;
  const text = known ? `${problem.message[0].toUpperCase()}${problem.message.slice(1)}.` : "Something went wrong here.";
  if (!known) console.error(problem);
  const parts = [notice(text)];
  if (known && problem.status === 401) {
    parts.push(el("button", {type: "button", click: () => operator.enter()}, "Give the token"));
  }
  const content = el("div", {class: "problem", role: "alert"}, parts);
  if (shown.problem?.textContent === content.textContent) return;
  shown.problem?.remove();
  shown.problem = content;
  if (shown.found && !shown.drawn) shown.found.replaceChildren();
  shown.element.append(content);
}

function showState(level, text) {
  const state = byId("state");
  if (state.className !== `state ${level}`) state.className = `state ${level}`;
  if (byId("state-text").textContent !== text) byId("state-text").textContent = text;
}

async function tick() {
  if (document.hidden) return;
  try {
    if (operator.about === null) {
      await operator.learn();
      if (view instanceof Letter) open(); // it shows what may be done
    }
    const before = figures.latest?.instance;
    await figures.refresh();
    if (before !== undefined && before !== figures.latest.instance) await operator.learn();
    if (view instanceof Overview) view.draw();
    answeredAt = Date.now() / 1000;
    document.body.classList.remove("stale");
    const {ready, phase, checks} = figures.latest;
    const wrong = Object.entries(checks).filter(([, found]) => !isWell(found)).map(([name, found]) => check(name, found)[0]);
    if (ready) showState("good", "ready");
    else showState("bad", phase === "serving" ? `not ready: ${wrong.join(", ")}` : phase);
  } catch (problem) {
    document.body.classList.add("stale");
    const known = problem instanceof Problem;
    if (!known) console.error(problem);
    const since = answeredAt === null ? "" : ` since ${clock(answeredAt)}`;
    showState("bad", known && problem.status ? problem.message : `no answer${since}`);
  }
  await refreshView(view);
}

function onKey(event) {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const views = {1: "#/", 2: "#/users", 3: "#/dead-letters", 4: "#/instances"};
  if (event.key in views) {
    location.hash = views[event.key];
  } else if (event.key === "/") {
    event.preventDefault();
    if (!(view instanceof Users)) {
      location.hash = "#/users";
      addEventListener("hashchange", () => byId("prefix")?.focus(), {once: true});
    }
    byId("prefix")?.focus();
  } else if (event.key === "?") {
    byId("keys-dialog").showModal();
  }
}

byId("skip").addEventListener("click", () => byId("main").focus());
byId("keys").addEventListener("click", () => byId("keys-dialog").showModal());
addEventListener("hashchange", () => open(true));
addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", tick);
open();
(async function turn() {
  await tick();
  setTimeout(turn, 2000);
})();
