// The operator: what the service lets this page do, the token, and questions before deeds.

import {get, token} from "./api.js";

const byId = (id) => document.getElementById(id);

// Open a dialog; what became of it once it is closed.
function opened(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), {once: true});
  });
}

export class Operator {
  constructor(changed) {
    this.about = null;
    this.changed = changed;
    byId("operator").addEventListener("click", () => this.enter());
    byId("token-form").addEventListener("submit", (event) => this.#onToken(event));
    byId("token-forget").addEventListener("click", () => this.#onForget());
    byId("ask-yes").addEventListener("click", () => byId("ask-dialog").close("yes"));
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close(""));
    }
  }

  async learn() {
    this.about = await get("api/about");
    byId("about").textContent = `${this.about.instance}, version ${this.about.version}.`;
    const button = byId("operator");
    button.hidden = this.about.acting === "never" && this.about.reading !== "token";
    button.textContent = this.about.proven ? "Operator ✓" : "Operator";
    button.setAttribute("aria-label", this.about.proven ? "Operator: token accepted" : "Operator: give the token");
  }

  mayAct() {
    return this.about !== null && this.about.acting !== "never";
  }

  // Whether the token is accepted, asking for it where it is not known yet.
  async prove() {
    if (this.about?.proven) return true;
    await this.enter();
    return Boolean(this.about?.proven);
  }

  async enter() {
    byId("token").value = "";
    byId("token-problem").textContent = "";
    byId("token-forget").hidden = !token.get();
    await opened(byId("token-dialog"));
  }

  lose() {
    token.forget();
    this.learn().catch(() => {});
  }

  async ask({title, text, yes}) {
    byId("ask-title").textContent = title;
    byId("ask-text").textContent = text;
    byId("ask-yes").textContent = yes;
    return (await opened(byId("ask-dialog"))) === "yes";
  }

  async #onToken(event) {
    event.preventDefault();
    const before = token.get();
    token.set(byId("token").value.trim());
    try {
      await this.learn();
    } catch (problem) {
      byId("token-problem").textContent = `Not checked: ${problem.message}.`;
      return;
    }
    if (!this.about.proven) {
      before ? token.set(before) : token.forget();
      byId("token-problem").textContent = "That is not the token.";
      await this.learn().catch(() => {});
      return;
    }
    byId("token-dialog").close("yes");
    this.changed();
  }

  async #onForget() {
    token.forget();
    await this.learn().catch(() => {});
    byId("token-dialog").close("");
    this.changed();
  }
}
