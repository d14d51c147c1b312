// The explorer: one composition, its images, and the best answers of one or two models.
//
// The address holds what is shown (#model=m001&composition=striped%20guitar&model2=m002), so that a
// link can be shared. A change of it is the only cause of a change of the page. A page that is
// opened as a file may load scripts but cannot fetch data, so each file of data is a script.
(() => {
  "use strict";
  const DATA = new URL("explorer/", document.currentScript.src);
  const KEYS = ["model", "composition", "model2"];
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const LISTED = 5; // names that a message gives as examples

  // ---- Data

  const loaded = new Map(); // by name: what waits for the value of a script
  window.explorerData = (name, value) => loaded.get(name).resolve(value);

  function load(name) {
    if (!loaded.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => {
        entry.resolve = resolve;
        const script = document.createElement("script");
        script.src = new URL(`${name}.mjs`, DATA).href;
        script.onerror = () => reject(new Error(`The file ${script.src} cannot be loaded.`));
        document.head.append(script);
      });
      loaded.set(name, entry);
    }
    return loaded.get(name).promise;
  }

  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  // What the script of a model holds, in the order of `pack` in cood/report/topics/explorer.py.
  async function readAnswers(data, i) {
    const bytes = await unpack(await load(`model-${i}`));
    const ids = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };
    let at = 0;
    const take = (Kind, n) => {
      const end = at + n * Kind.BYTES_PER_ELEMENT;
      const values = new Kind(bytes.slice(at, end));
      at = end;
      return values;
    };
    const n = data.n;
    return {
      ...data.models[i],
      pairs: take(ids[data.bytes.pair], n * data.top),
      cosines: take(Int8Array, n * data.top),
      attributes: take(ids[data.bytes.attribute], n),
      objects: take(ids[data.bytes.object], n),
      seen: take(Uint8Array, data.attributes.length * data.objects.length),
    };
  }

  // Adds to the index: the cells of the grid with the place of their images, and names.
  function prepare(data) {
    let first = 0;
    data.cells = data.counts.map((n, i) => {
      const row = Math.floor(i / data.columns.length);
      const column = i % data.columns.length;
      const [attribute, object] = [data.rows[row], data.columns[column]];
      const id = attribute * data.objects.length + object;
      const cell = { i, row, column, attribute, object, id, n, first, name: nameOf(data, id) };
      first += n;
      return cell;
    });
    data.n = first;
    data.core = new Set(data.core);
    return data;
  }

  function nameOf(data, id) {
    const n = data.objects.length;
    return `${data.attributes[Math.floor(id / n)]} ${data.objects[id % n]}`;
  }

  function count(answers, cell, isRight) {
    let right = 0;
    for (let k = cell.first; k < cell.first + cell.n; k += 1) right += isRight(answers, k, cell);
    return right;
  }
  const pairRight = (answers, k, cell) => answers.pairs[k] === cell.id;
  const attributeRight = (answers, k, cell) => answers.attributes[k] === cell.attribute;
  const objectRight = (answers, k, cell) => answers.objects[k] === cell.object;

  function share(answers, cells, isRight) {
    let [right, n] = [0, 0];
    for (const cell of cells) {
      right += count(answers, cell, isRight);
      n += cell.n;
    }
    return n ? `${((100 * right) / n).toFixed(0)}\u00a0%` : "no images";
  }

  const isSeen = (answers, cell) => answers.seen[cell.id] === 1;

  function splitOf(data, answers, cell) {
    if (isSeen(answers, cell)) return "seen in training";
    return answers.trained && data.core.has(cell.id) ? "unseen, in the core" : "unseen";
  }

  // ---- The address

  function parse(data, hash) {
    const given = new URLSearchParams(hash.slice(1));
    if (!hash.includes("=")) return { state: null }; // a link to a part of the page
    const unknown = [...given.keys()].filter((key) => !KEYS.includes(key));
    if (unknown.length) {
      return { fault: `The address has ${unknown.join(", ")}; it may have ${KEYS.join(", ")}.` };
    }
    const state = { ...data.start, model2: "" };
    for (const key of KEYS) if (given.has(key)) state[key] = given.get(key);
    const models = data.models.map((model) => model.name);
    const cells = data.cells.filter((cell) => cell.n);
    for (const [kind, name, names] of [
      ["model", state.model, models],
      ["model", state.model2, ["", ...models]],
      ["composition", state.composition, cells.map((cell) => cell.name)],
    ]) {
      if (!names.includes(name)) {
        const some = names.filter(Boolean).slice(0, LISTED).join(", ");
        return { fault: `This page has no ${kind} “${name}”. It has, for example: ${some}.` };
      }
    }
    return { state };
  }

  function address(state) {
    const pairs = KEYS.filter((key) => state[key]).map((key) => [key, state[key]]);
    return `#${pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`;
  }

  // ---- The page

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function choice(label, options, change) {
    const items = options.map(([value, text]) => make("option", { value }, text));
    const select = make("select", { "aria-label": label }, ...items);
    select.addEventListener("change", () => change(select.value));
    return [make("label", {}, make("span", {}, label), select), select];
  }

  function build(root, data, go) {
    const view = { root };
    const models = data.models.map((model) => [model.name, model.name]);
    const named = (ids, names) => ids.map((id) => [`${id}`, names[id]]);
    const labels = [];
    const add = (key, label, options, change) => {
      const [outer, select] = choice(label, options, change);
      labels.push(outer);
      view[key] = select;
    };
    add("model", "Model", models, (value) => go({ model: value }));
    add("model2", "Second model", [["", "none"], ...models], (value) => go({ model2: value }));
    const chosen = () => {
      const id = Number(view.attribute.value) * data.objects.length + Number(view.object.value);
      go({ composition: nameOf(data, id) });
    };
    add("attribute", "Attribute", named(data.rows, data.attributes), chosen);
    add("object", "Object", named(data.columns, data.objects), chosen);
    view.about = make("p", { class: "explorer-about" });
    view.fault = make("p", { class: "explorer-fault", role: "alert" });
    view.said = make("p", { class: "explorer-said visually-hidden", role: "status" });
    view.heading = make("h3");
    view.results = make("div");
    view.images = make("ul", { class: "explorer-images" });
    view.legend = make("p", { class: "explorer-legend" });
    const controls = make("div", { class: "explorer-controls" }, ...labels);
    root.replaceChildren(controls, view.about, view.fault, buildGrid(view, data, go), view.legend);
    root.append(view.heading, view.said, view.results, view.images);
    return view;
  }

  function buildGrid(view, data, go) {
    const head = make("tr", {}, make("td"));
    for (const id of data.columns) {
      head.append(make("th", { scope: "col" }, make("span", {}, data.objects[id])));
    }
    const body = make("tbody");
    data.rows.forEach((id, row) => {
      const line = make("tr", {}, make("th", { scope: "row" }, data.attributes[id]));
      for (const cell of data.cells.slice(row * data.columns.length).slice(0, data.columns.length)) {
        line.append(make("td", { role: "gridcell", tabindex: "-1", "data-cell": cell.i }));
      }
      body.append(line);
    });
    view.grid = make("table", { role: "grid" }, make("thead", {}, head), body);
    view.cells = [...view.grid.querySelectorAll("[data-cell]")];
    view.cells[0].tabIndex = 0;
    view.grid.addEventListener("click", (event) => choose(data, event, go));
    view.grid.addEventListener("keydown", (event) => step(view, data, event, go));
    return make("div", { class: "explorer-grid" }, view.grid);
  }

  function choose(data, event, go) {
    const cell = data.cells[event.target.closest("[data-cell]")?.dataset.cell];
    if (cell?.n) go({ composition: cell.name });
  }

  // Arrow keys move the focus in the grid, and Enter or the space bar choose: see the pattern "grid"
  // of https://www.w3.org/WAI/ARIA/apg/patterns/grid/.
  function step(view, data, event, go) {
    const cell = data.cells[event.target.dataset.cell];
    if (!cell) return;
    const last = [data.rows.length - 1, data.columns.length - 1];
    let [row, column] = [cell.row, cell.column];
    if (STEPS[event.key]) [row, column] = [row + STEPS[event.key][0], column + STEPS[event.key][1]];
    else if (event.key === "Home") [row, column] = [event.ctrlKey ? 0 : row, 0];
    else if (event.key === "End") [row, column] = [event.ctrlKey ? last[0] : row, last[1]];
    else if (event.key === "Enter" || event.key === " ") choose(data, event, go);
    else return;
    event.preventDefault();
    row = Math.max(0, Math.min(row, last[0]));
    column = Math.max(0, Math.min(column, last[1]));
    const next = view.cells[row * data.columns.length + column];
    rove(view, next);
    next.focus();
  }

  function rove(view, cell) {
    for (const other of view.cells) other.tabIndex = other === cell ? 0 : -1;
  }

  function showGrid(view, data, answers, cell) {
    const name = answers.name;
    view.grid.setAttribute("aria-label", `Pair accuracy of ${name}, attributes by objects`);
    for (const one of data.cells) {
      const [box, right] = [view.cells[one.i], count(answers, one, pairRight)];
      const split = splitOf(data, answers, one);
      const said = one.n ? `${right} of ${one.n} right, ${split}` : "no images";
      box.className = one.n ? "" : "empty";
      box.classList.toggle("seen", isSeen(answers, one));
      box.classList.toggle("core", split.includes("core"));
      box.classList.toggle("high", one.n > 0 && right / one.n > 0.5);
      box.style.setProperty("--share", one.n ? `${(100 * right) / one.n}%` : "0%");
      box.setAttribute("aria-label", `${one.name}: ${said}`);
      box.setAttribute("aria-selected", String(one === cell));
      box.title = `${one.name}: ${said}`;
    }
    rove(view, view.cells[cell.i]);
    const bar = make("span", { class: "explorer-bar", "aria-hidden": "true" });
    const marks = answers.trained ? "; ● seen in training, × in the core, no mark: unseen." : ".";
    view.legend.replaceChildren(`Pair accuracy of ${name}: 0\u00a0% `, bar, ` 100\u00a0%${marks}`);
  }

  // A row of the table of results: a cell a model, of two lines.
  function row(label, models, lines) {
    const cells = models.map((answers) => {
      const [first, ...more] = lines(answers);
      return make("td", {}, first, ...more.map((line) => make("small", {}, line)));
    });
    return make("tr", {}, make("th", { scope: "row" }, label), ...cells);
  }

  function showResults(view, data, models, cell) {
    const [attribute, object] = [data.attributes[cell.attribute], data.objects[cell.object]];
    // How many of the images of this composition are right, and of the compositions like it.
    const lines = (answers, isRight, kind, others) => [
      `${count(answers, cell, isRight)} of ${cell.n}`,
      `all ${kind}: ${share(answers, data.cells.filter(others), isRight)}`,
    ];
    const ofPair = (answers) => {
      const seen = isSeen(answers, cell);
      const like = (other) => isSeen(answers, other) === seen;
      return lines(answers, pairRight, seen ? "seen" : "unseen", like);
    };
    const ofAttribute = (answers) =>
      lines(answers, attributeRight, attribute, (other) => other.row === cell.row);
    const ofObject = (answers) =>
      lines(answers, objectRight, object, (other) => other.column === cell.column);
    const names = models.map((answers) => make("th", { scope: "col" }, answers.name));
    const body = make(
      "tbody",
      {},
      row("Composition", models, (answers) => [splitOf(data, answers, cell)]),
      row(`Pair: ${cell.name}`, models, ofPair),
      row(`Attribute asked alone: ${attribute}`, models, ofAttribute),
      row(`Object asked alone: ${object}`, models, ofObject)
    );
    const head = make("thead", {}, make("tr", {}, make("td"), ...names));
    view.results.replaceChildren(make("table", { class: "explorer-results" }, head, body));
  }

  function thumbnail(data, cell, k) {
    const sheet = new URL(`sheet-${cell.row}.webp`, DATA).href;
    const style =
      `background-image: url("${sheet}"); ` +
      `background-size: ${data.most * 100}% ${data.columns.length * 100}%; ` +
      `background-position: ${at(k, data.most)} ${at(cell.column, data.columns.length)}`;
    const text = `Image ${k + 1} of ${cell.n}: ${cell.name}`;
    return make("span", { class: "explorer-thumbnail", role: "img", "aria-label": text, style });
  }
  const at = (i, n) => `${n > 1 ? (100 * i) / (n - 1) : 0}%`;

  function answer(isRight, ...content) {
    const mark = make("span", { class: "explorer-mark", "aria-hidden": "true" }, isRight ? "✓" : "");
    const said = isRight ? [make("span", { class: "visually-hidden" }, "right: ")] : [];
    return make("span", { class: isRight ? "right" : "" }, mark, ...said, ...content);
  }

  function bestOf(data, answers, cell, k, withName) {
    const list = make("ol");
    for (let rank = 0; rank < data.top; rank += 1) {
      const id = answers.pairs[rank * data.n + k];
      const cosine = (answers.cosines[rank * data.n + k] / 100).toFixed(2).replace("-", "−");
      const number = make("span", { class: "cosine" }, cosine);
      list.append(make("li", {}, answer(id === cell.id, nameOf(data, id)), number));
    }
    const attribute = data.attributes[answers.attributes[k]];
    const object = data.objects[answers.objects[k]];
    const words = [
      answer(attributeRight(answers, k, cell), attribute),
      answer(objectRight(answers, k, cell), object),
    ];
    const alone = make("p", {}, "alone: ", words[0], ", ", words[1]);
    const name = withName ? [make("strong", {}, answers.name)] : [];
    return make("div", { class: "explorer-best" }, ...name, list, alone);
  }

  function showImages(view, data, models, cell) {
    view.images.classList.toggle("two", models.length > 1);
    const best = (k) =>
      models.map((answers) => bestOf(data, answers, cell, cell.first + k, models.length > 1));
    const images = Array.from({ length: cell.n }, (_, k) => k);
    view.images.replaceChildren(
      ...images.map((k) => make("li", {}, thumbnail(data, cell, k), ...best(k)))
    );
  }

  function show(view, data, state, models) {
    const cell = data.cells.find((one) => one.name === state.composition);
    view.model.value = state.model;
    view.model2.value = state.model2;
    view.attribute.value = cell.attribute;
    view.object.value = cell.object;
    view.about.replaceChildren(
      ...models.map((answers) => make("span", {}, `${answers.name}: ${answers.about}.`))
    );
    view.heading.textContent = cell.name;
    const told = models.map(
      (answers) =>
        `${answers.name}: ${splitOf(data, answers, cell)}, ` +
        `pair right for ${count(answers, cell, pairRight)} of ${cell.n} images`
    );
    view.said.textContent = `${cell.name}. ${told.join("; ")}.`;
    showGrid(view, data, models[0], cell);
    showResults(view, data, models, cell);
    showImages(view, data, models, cell);
  }

  async function start(root) {
    const data = prepare(await load("index"));
    data.start.composition = data.cells.find((cell) => cell.n).name;
    let state = { ...data.start, model2: "" };
    let turn = 0; // a model may load after one that was chosen later
    const view = build(root, data, (change) => {
      const target = address({ ...state, ...change });
      if (target === window.location.hash) follow();
      else window.location.hash = target;
    });

    async function follow() {
      const found = parse(data, window.location.hash);
      turn += 1;
      const own = turn;
      view.fault.textContent = found.fault || "";
      state = found.state || state;
      const chosen = [state.model, state.model2].filter(Boolean);
      try {
        const places = chosen.map((name) => data.models.findIndex((model) => model.name === name));
        const models = await Promise.all(places.map((place) => readAnswers(data, place)));
        if (own === turn) show(view, data, state, models);
      } catch (error) {
        view.fault.textContent = error.message;
      }
    }
    window.addEventListener("hashchange", follow);
    await follow();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.querySelector(".explorer");
    if (!root) return;
    start(root).catch((error) => root.replaceChildren(make("p", { role: "alert" }, error.message)));
  });
})();
