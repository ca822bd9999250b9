"use strict";
// Draws the tasks. All that came from outside is set as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const tasks = data.tasks;
const NS = "http://www.w3.org/2000/svg";

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  for (const child of children) element.append(child);
  return element;
}

function svg(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// ---- Grids ----

// Rows of cells divided by "/": a digit for a color, "." for none, "+" for a place without a color.
function grid(text, most, right) {
  const rows = text.split("/");
  const height = rows.length, width = rows[0].length;
  const cell = Math.max(4, Math.min(22, Math.floor(most / Math.max(height, width))));
  const differ = right && differing(text, right);
  const what = `${height} x ${width}` + (differ ? `, ${differ.length} cells differ` : "");
  const drawn = svg("svg", {
    class: "grid", role: "img", "aria-label": "grid of " + what,
    width: width * cell + 1, height: height * cell + 1, viewBox: `0 0 ${width * cell + 1} ${height * cell + 1}`,
  });
  const title = svg("title", {});
  title.textContent = what;
  drawn.append(title);
  rows.forEach((row, i) => {
    for (let j = 0; j < width;) {
      let end = j + 1;
      while (end < width && row[end] === row[j]) end++;
      if (row[j] !== ".") {
        const fill = row[j] === "+" ? "var(--accent)" : data.colors.palette[Number(row[j])];
        drawn.append(svg("rect", { x: j * cell, y: i * cell, width: (end - j) * cell, height: cell, style: "fill:" + fill }));
      }
      j = end;
    }
  });
  let lines = "";
  for (let i = 0; i <= height; i++) lines += `M0 ${i * cell + .5}h${width * cell + 1}`;
  for (let j = 0; j <= width; j++) lines += `M${j * cell + .5} 0v${height * cell + 1}`;
  const thin = cell < 6 ? ";stroke-opacity:.45" : "";  // else small cells drown in their lines
  drawn.append(svg("path", { d: lines, style: `fill:none;stroke:${data.colors.line};stroke-width:1${thin}` }));
  for (const [i, j] of differ || []) {
    for (const [stroke, size] of [["#000", 3.5], ["#fff", 1.8]]) {
      const d = `M${j * cell + 2} ${i * cell + 2}L${(j + 1) * cell - 1} ${(i + 1) * cell - 1}M${(j + 1) * cell - 1} ${i * cell + 2}L${j * cell + 2} ${(i + 1) * cell - 1}`;
      drawn.append(svg("path", { d, style: `fill:none;stroke:${stroke};stroke-width:${size}` }));
    }
  }
  return drawn;
}

function differing(text, right) {
  const rows = text.split("/"), others = right.split("/");
  if (rows.length !== others.length || rows[0].length !== others[0].length) return null;
  const found = [];
  rows.forEach((row, i) => { for (let j = 0; j < row.length; j++) if (row[j] !== others[i][j]) found.push([i, j]); });
  return found;
}

const ROOM = 150;

function pair(name, [input, output]) {
  const right = output === null ? make("span", { class: "dim" }, "hidden") : grid(output, ROOM);
  return make("div", { class: "pair" }, make("p", { class: "dim" }, name), make("div", { class: "row" }, grid(input, ROOM), "→", right));
}

// ---- Programs ----

function value([kind, ...parts]) {
  if (kind === "w") return make("code", {}, parts[0]);
  const drawn = parts.map(part => part.startsWith("and ") ? make("span", { class: "dim" }, part) : grid(part, 110));
  return make("div", { class: "values" }, ...drawn);
}

function program(one) {
  const box = make("div", { class: "program" });
  box.append(make("p", {}, `found by ${one.by}: right on ${one.right} demonstrations, tests: ${one.tests}`));
  if (one.lines) {
    one.text.split("\n").forEach((line, k) => {
      const step = make("div", { class: "step" }, make("pre", {}, line));
      if (k < one.lines.length) step.append(value(one.lines[k]));
      box.append(step);
    });
    box.append(make("p", { class: "note" }, `Between the lines: what they make of the first demonstration. The run ended: ${one.outcome}.`));
  } else {
    box.append(make("pre", {}, one.text));
  }
  if (one.original) box.append(make("details", {}, make("summary", {}, "As it was found"), make("pre", {}, one.original)));
  return box;
}

function miss(one, task) {
  const box = make("div", { class: "program miss" });
  box.append(make("p", {}, `found by ${one.by}: right on ${one.right} demonstrations, ${one.wrong} cells of their outputs are wrong`));
  box.append(make("pre", {}, one.text));
  const made = make("div", { class: "pairs" });
  one.made.forEach((output, k) => {
    const isTest = k >= task.demos.length;
    const truth = isTest ? task.tests[k - task.demos.length][1] : task.demos[k][1];
    const place = isTest ? `test ${k - task.demos.length + 1}` : `demonstration ${k + 1}`;
    const name = make("p", { class: "dim" }, `${place}: made, and true`);
    const left = output === null ? make("span", { class: "dim" }, "no grid") : grid(output, ROOM, truth);
    const right = truth === null ? make("span", { class: "dim" }, "hidden") : grid(truth, ROOM);
    made.append(make("div", { class: "pair" }, name, make("div", { class: "row" }, left, right)));
  });
  box.append(made);
  return box;
}

// ---- The list, and the task that is shown ----

const list = document.getElementById("ids"), article = document.getElementById("task");
const find = document.getElementById("find"), kind = document.getElementById("kind");
const isSolved = task => task.rules.includes(data.first);
const kindOf = task => isSolved(task) ? "solved" : task.misses.length ? "near" : "none";
const WORDS = { solved: "solved", near: "near", none: "–" };

function show(task, isAsked) {
  article.replaceChildren();
  article.append(make("h3", {}, `Task ${task.id}`));
  const verdict = task.hidden ? "The output of a test is hidden: nobody here knows whether it is solved."
    : task.rules.length ? `Solved by: ${task.rules.join(", ")}.` : "Not solved.";
  article.append(make("p", { class: isSolved(task) ? "solved" : "" }, verdict));
  const pairs = make("div", { class: "pairs" });
  task.demos.forEach((one, k) => pairs.append(pair(`demonstration ${k + 1}`, one)));
  task.tests.forEach((one, k) => pairs.append(pair(`test ${k + 1}`, one)));
  article.append(pairs);
  if (task.programs.length) {
    article.append(make("h3", {}, `Programs (${task.programs.length} of ${task.count})`));
    article.append(...task.programs.map(program));
  }
  if (task.misses.length) {
    article.append(make("h3", {}, "Nearest misses"));
    article.append(make("p", { class: "note" }, "A cross marks a cell that differs from the true output, where the sizes agree."));
    article.append(...task.misses.map(one => miss(one, task)));
  }
  if (!task.programs.length && !task.misses.length) article.append(make("p", { class: "dim" }, "Nothing that is kept comes near."));
  for (const button of list.querySelectorAll("button")) {
    if (button.dataset.id === String(tasks.indexOf(task))) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  if (isAsked) history.replaceState(null, "", "#task=" + encodeURIComponent(task.id));
  if (isAsked && matchMedia("(max-width: 760px)").matches) article.scrollIntoView();
}

function fill() {
  const word = find.value.trim().toLowerCase();
  const some = tasks.filter(task => (!kind.value || kindOf(task) === kind.value) && task.id.toLowerCase().includes(word));
  list.replaceChildren(...some.map(task => {
    const button = make("button", { type: "button", "data-id": tasks.indexOf(task) }, make("span", {}, task.id), make("span", { class: kindOf(task) }, WORDS[kindOf(task)]));
    button.addEventListener("click", () => show(task, true));
    return make("li", {}, button);
  }));
  document.getElementById("number").textContent = `${some.length} of ${tasks.length} tasks`;
}

function fromAddress() {
  const asked = location.hash.startsWith("#task=") ? decodeURIComponent(location.hash.slice(6)) : null;
  return tasks.find(task => task.id === asked);
}

find.addEventListener("input", fill);
kind.addEventListener("change", fill);
addEventListener("pageshow", fill);  // what was asked for before a reload stands in the fields again
addEventListener("hashchange", () => { const task = fromAddress(); if (task) show(task, false); });
fill();
const first = fromAddress() || tasks.find(isSolved) || tasks[0];
if (first) show(first, false);
const isReloaded = performance.getEntriesByType("navigation").some(entry => entry.type === "reload");
if (fromAddress() && !isReloaded) article.scrollIntoView();

// ---- Light and dark ----

const theme = document.getElementById("theme"), root = document.documentElement;
const stored = { get: key => { try { return localStorage.getItem(key); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* not kept */ } } };
if (stored.get("theme")) root.dataset.theme = stored.get("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const isDark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
  stored.set("theme", root.dataset.theme);
});

// ---- Where the page is served while the run goes on ----

const version = document.body.dataset.version, live = document.getElementById("live");
if (version) {
  live.hidden = false;
  live.textContent = "Live: this page follows the run.";
  const ask = async () => {
    try {
      const answer = await fetch("version", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      live.classList.remove("ended");
      live.textContent = "Live: this page follows the run.";
      if (await answer.text() !== version) location.reload();
    } catch {
      live.classList.add("ended");
      live.textContent = "No longer live: `codeit report --watch` has ended.";
    }
  };
  setInterval(ask, 2000);
}
