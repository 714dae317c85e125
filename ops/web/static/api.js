// Asking the service. The operator token lives in this tab's session and goes into one header.

const KEY = "alarm-digest.operator-token";

export class Problem extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

async function answered(path, options) {
  const headers = {Accept: "application/json"};
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      ...options, headers, cache: "no-store", credentials: "omit", redirect: "error",
      signal: AbortSignal.timeout(15000),
    });
  } catch {
    throw new Problem(0, "the service does not answer");
  }
  const fields = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, fields.error || `status ${answer.status}`);
  return fields;
}

export function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const search = new URLSearchParams(given).toString();
  return answered(search ? `${path}?${search}` : path, {method: "GET"});
}

export function post(path, fields) {
  return answered(path, {method: "POST", body: JSON.stringify(fields)});
}
