"use strict";

// Text only ever enters the page through textContent: nothing from a contract or an answer becomes markup.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

const METHODS = ["get", "post", "patch", "put", "delete"];
const pretty = (value) => JSON.stringify(value, null, 2);

function operationsOf(spec) {
  const found = [];
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      if (item[method]) found.push({ path, method, ...item[method] });
    }
  }
  return found;
}

function fieldFor(parameter) {
  const input = make("input", { name: parameter.name, "data-in": parameter.in, required: parameter.required || false });
  const mark = parameter.required ? " *" : "";
  return make("div", {},
    make("label", { text: `${parameter.name}${mark} (${parameter.in})` }),
    input,
    make("span", { class: "hint text", text: parameter.description || "" }));
}

function requestFrom(operation, form) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = { "x-taproot-request": "docs" };
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.value === "") continue;
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.dataset.in === "query") query.append(input.name, input.value);
    else headers[input.name] = input.value;
  }
  const body = form.querySelector("textarea");
  if (body) headers["content-type"] = "application/json";
  const search = query.toString();
  return [path + (search ? `?${search}` : ""), {
    method: operation.method.toUpperCase(), headers, body: body ? body.value : undefined, credentials: "same-origin",
  }];
}

async function send(operation, form, output) {
  output.replaceChildren(make("p", { class: "hint", text: "… 请稍候" }));
  const [url, options] = requestFrom(operation, form);
  const started = performance.now();
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    let shown = text;
    try { shown = pretty(JSON.parse(text)); } catch { /* not JSON: shown as it is */ }
    const elapsed = Math.round(performance.now() - started);
    const etag = response.headers.get("etag");
    output.replaceChildren(
      make("p", { class: response.ok ? "status" : "status bad", text: `${response.status} · ${elapsed} ms` }),
      make("p", { class: "hint", text: `${options.method} ${url}${etag ? ` · ETag ${etag}` : ""}` }),
      make("pre", { text: shown }));
  } catch (error) {
    output.replaceChildren(make("p", { class: "status bad", text: String(error) }));
  }
}

function bodyField(operation) {
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (!content) return [];
  const reference = (content.schema.$ref || "").split("/").pop();
  return [
    make("label", { text: `body: ${reference}` }),
    make("textarea", { spellcheck: "false", text: pretty(content.example || {}) }),
  ];
}

function detailsOf(operation) {
  const output = make("div", { "aria-live": "polite" });
  const form = make("form", {
    onsubmit: (event) => { event.preventDefault(); send(operation, form, output); },
  }, ...operation.parameters.map(fieldFor), ...bodyField(operation),
  make("p", {}, make("button", { text: "Send · 发送" })));
  return make("div", {},
    make("p", { class: "text", text: operation.description }),
    make("p", { class: "hint", text: `permission · 权限: ${operation["x-permission"]}` }),
    form, output);
}

function rowOf(operation) {
  const row = make("details", { class: "operation" },
    make("summary", {},
      make("span", { class: `method ${operation.method}`, text: operation.method.toUpperCase() }),
      make("code", { text: operation.path }),
      make("span", { class: "summary", text: operation.summary })));
  // The form is built when it is first opened: hundreds at once would make the page slow.
  row.addEventListener("toggle", () => row.append(detailsOf(operation)), { once: true });
  return row;
}

function show(spec) {
  const all = operationsOf(spec).map((operation) => ({
    row: rowOf(operation),
    tag: operation.tags[0],
    words: `${operation.method} ${operation.path} ${operation.summary} ${operation["x-permission"]}`.toLowerCase(),
  }));
  const search = document.getElementById("search");
  const target = document.getElementById("operations");
  const render = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const sections = spec.tags.map((tag) => {
      const rows = all.filter((one) => one.tag === tag.name && wanted.every((word) => one.words.includes(word)));
      if (!rows.length) return null;
      return make("section", {},
        make("h2", { text: tag.name.replace(/Service$/, "") }),
        make("p", { class: "hint text", text: tag.description || "" }),
        ...rows.map((one) => one.row));
    });
    target.replaceChildren(...sections.filter(Boolean));
  };
  search.addEventListener("input", render);
  render();
}

async function whoAmI() {
  const response = await fetch("/v1/sessions/current", { credentials: "same-origin" });
  const who = document.getElementById("who");
  if (!response.ok) { who.textContent = "not signed in · 未登录"; return; }
  const { user } = await response.json();
  who.textContent = `signed in as · 已登录: ${user.display_name || user.user_name}`;
}

document.getElementById("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const response = await fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json", "x-taproot-request": "docs" },
    body: JSON.stringify({ user_name: form.user_name.value, password: form.password.value, cookie_only: true }),
  });
  if (response.ok) { form.password.value = ""; await whoAmI(); return; }
  const problem = await response.json();
  document.getElementById("who").textContent = problem.detail || problem.title;
});

fetch("/openapi.json").then((response) => response.json()).then(show);
whoAmI();
