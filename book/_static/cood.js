// Labels of the marks of a figure, pictures that are enlarged, and sorting and filtering of tables.
// Without this script, browsers show the labels as titles, and nothing else is interactive.
//
// Tables are not left to DataTables (as itables would): it is 725 kB to include in every page, as
// pages that are opened as files cannot load a module, and "25.0 % [20.1, 30.2]" would need a parser
// of its own there as well.
(() => {
  "use strict";
  const NEAR = 28; // pixels around a mark in which a pointer, such as a finger, selects it
  const SORTED = 8; // rows from which a table can be sorted
  const FILTERED = 16; // and filtered
  const MARGIN = 4; // pixels between a label and the edge of the window
  const OFFSET = 14; // pixels between a label and its mark

  // ---- Figures

  const box = document.createElement("div");
  box.className = "mark-label";
  box.setAttribute("role", "status");
  box.hidden = true;
  let highlighted = [];

  const middle = (mark) => {
    const r = mark.getBoundingClientRect();
    return [r.left + r.width / 2, r.top + r.height / 2];
  };

  function clear() {
    for (const mark of highlighted) mark.classList.remove("highlighted");
    highlighted = [];
    box.hidden = true;
  }

  function show(drawing, mark, x, y) {
    clear();
    highlighted = [...drawing.querySelectorAll(".mark")].filter(
      (other) => other.dataset.name === mark.dataset.name && other.tagName === mark.tagName
    );
    // In a heatmap, a name stands for a whole row: highlight only the cell.
    if (mark.closest(".fixed-colours")) highlighted = [mark];
    for (const other of highlighted) other.classList.add("highlighted");
    const name = document.createElement("strong");
    name.textContent = mark.dataset.name;
    box.replaceChildren(name);
    for (const line of JSON.parse(mark.dataset.lines)) {
      const row = document.createElement("div");
      row.textContent = line;
      box.append(row);
    }
    box.hidden = false;
    const wide = document.documentElement.clientWidth;
    const left = Math.max(MARGIN, Math.min(x + OFFSET, wide - box.offsetWidth - MARGIN));
    const above = y - box.offsetHeight - OFFSET;
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(above > MARGIN ? above : y + OFFSET + MARGIN) + window.scrollY}px`;
  }

  function nearest(drawing, event) {
    const hit = event.target.closest(".mark");
    if (hit) return hit;
    let best = null;
    let least = NEAR;
    for (const mark of drawing.querySelectorAll("use.mark")) {
      const [x, y] = middle(mark);
      const far = Math.hypot(x - event.clientX, y - event.clientY);
      if (far < least) [best, least] = [mark, far];
    }
    return best;
  }

  function point(drawing, event) {
    const mark = nearest(drawing, event);
    if (mark) show(drawing, mark, event.clientX, event.clientY);
    else clear();
  }

  function step(drawing, event) {
    if (event.key === "Escape") return clear();
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return undefined;
    event.preventDefault();
    const marks = [...drawing.querySelectorAll(".mark")];
    const at = marks.indexOf(drawing.pointed);
    const next = at < 0 ? (by > 0 ? 0 : marks.length - 1) : (at + by + marks.length) % marks.length;
    drawing.pointed = marks[next];
    const scroll = drawing.getBoundingClientRect();
    const [x] = middle(marks[next]);
    if (x < scroll.left || x > scroll.right) drawing.scrollLeft += x - scroll.left - 40;
    show(drawing, marks[next], ...middle(marks[next]));
    return undefined;
  }

  function figures() {
    document.body.append(box);
    for (const drawing of document.querySelectorAll(".drawing.has-marks")) {
      // Otherwise the browser would show the title as well.
      for (const title of drawing.querySelectorAll(".mark > title")) title.remove();
      drawing.addEventListener("pointermove", (event) => point(drawing, event));
      drawing.addEventListener("pointerdown", (event) => point(drawing, event));
      drawing.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") clear();
      });
      drawing.addEventListener("keydown", (event) => step(drawing, event));
      drawing.addEventListener("blur", clear);
    }
    document.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".drawing")) clear();
    });
  }

  // ---- Tables

  const text = (row, i) => row.cells[i].textContent.trim();

  // A number at the start of a cell, or one with its interval anywhere ("Pearson 0.53 [0.1, 0.8]").
  const NUMBER = "([-+−]?\\d*\\.?\\d+(?:e[-+]?\\d+)?)";
  const VALUE = new RegExp(`^[<>]?\\s*${NUMBER}|${NUMBER} ?%? \\[`, "i");

  function value(cell) {
    const match = cell.replace(/,(?=\d{3})/g, "").match(VALUE);
    return match ? parseFloat((match[1] || match[2]).replace("−", "-")) : null;
  }

  // What a press of a header does: highest first, lowest first, and the order of the page again.
  const NEXT = { descending: "ascending", ascending: null };

  function sort(table, rows, i, header) {
    const before = header.getAttribute("aria-sort");
    const next = before === null ? "descending" : NEXT[before];
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    if (next === null) return table.tBodies[0].append(...rows);
    header.setAttribute("aria-sort", next);
    const up = next === "ascending";
    const values = rows.map((row) => value(text(row, i)));
    const numbers = values.filter((v) => v !== null).length * 2 > rows.length;
    const key = new Map(rows.map((row, k) => [row, numbers ? values[k] : text(row, i)]));
    const empty = (row) => key.get(row) === null || ["", "-", "None"].includes(text(row, i));
    const order = [...rows].sort((a, b) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b); // last, either way
      const by = numbers
        ? key.get(a) - key.get(b)
        : key.get(a).localeCompare(key.get(b), "en", { numeric: true });
      return up ? by : -by;
    });
    return table.tBodies[0].append(...order);
  }

  function sortable(table) {
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const rows = [...table.tBodies[0].rows];
    const plain = table.tHead.rows.length === 1 && rows.every((r) => r.cells.length === headers.length);
    if (!plain || rows.length < SORTED) return;
    headers.forEach((header, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorter";
      button.title = "Sort by this column; the third press restores the order of the page";
      button.append(...header.childNodes);
      if (!button.textContent.trim()) button.append("order");
      header.replaceChildren(button);
      button.addEventListener("click", () => sort(table, rows, i, header));
    });
    if (rows.length >= FILTERED) filterable(table, rows);
  }

  function filterable(table, rows) {
    const bar = document.createElement("div");
    bar.className = "filter";
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    const reset = document.createElement("button");
    input.type = "search";
    label.append("Rows with", input);
    count.setAttribute("role", "status");
    reset.type = "button";
    reset.textContent = "Original order";
    bar.append(label, count, reset);
    const outer = table.closest(".scroll-cue, .pst-scrollable-table-container") || table;
    outer.before(bar);
    const contents = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    function sift() {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => contents.get(row).includes(word));
        left += !row.hidden;
      }
      count.textContent = `${left} of ${rows.length} rows`;
    }
    input.addEventListener("input", sift);
    reset.addEventListener("click", () => {
      for (const header of table.tHead.querySelectorAll("th")) header.removeAttribute("aria-sort");
      table.tBodies[0].append(...rows);
    });
    sift();
  }

  // ---- Boxes that scroll sideways: a shadow at the edge where there is more to see

  function shade(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    const outer = box.closest(".scroll-cue");
    outer.classList.toggle("more-left", hidden > 1 && box.scrollLeft > 1);
    outer.classList.toggle("more-right", hidden > 1 && box.scrollLeft < hidden - 1);
    const first = box.querySelector("tbody :is(th, td):first-child");
    if (first) outer.style.setProperty("--sticky", `${first.offsetWidth}px`);
  }

  function shadeEdges() {
    // Tables of the theme, which are not in a box of ours.
    for (const box of document.querySelectorAll("article .pst-scrollable-table-container")) {
      const outer = document.createElement("div");
      outer.className = "scroll-cue";
      box.replaceWith(outer);
      outer.append(box);
      box.classList.add("table-box");
    }
    // Also when a folded table is opened, or the window is turned.
    const sizes = new ResizeObserver((entries) => entries.forEach((entry) => shade(entry.target)));
    for (const box of document.querySelectorAll(".scroll-cue > .drawing, .scroll-cue > .table-box")) {
      box.addEventListener("scroll", () => shade(box), { passive: true });
      sizes.observe(box);
    }
  }

  // ---- Pictures: one is enlarged in a dialog; arrow keys go on to its neighbours

  const SMALL = 96; // pixels of a drawing, which is enlarged without blur

  function pictures() {
    const buttons = [...document.querySelectorAll(".gallery .picture")];
    if (!buttons.length) return;
    const dialog = document.createElement("dialog");
    const image = document.createElement("img");
    const about = document.createElement("p");
    let at = 0;
    dialog.className = "enlarged";
    dialog.setAttribute("aria-label", "Enlarged picture");
    about.setAttribute("role", "status");
    dialog.append(image, about);
    const go = (k) => {
      at = (k + buttons.length) % buttons.length;
      const small = buttons[at].querySelector("img");
      image.src = small.src;
      image.alt = small.alt;
      image.className = small.naturalWidth <= SMALL ? "small" : "";
      const name = document.createElement("strong");
      name.textContent = small.alt;
      about.replaceChildren(name, buttons[at].dataset.note ? `: ${buttons[at].dataset.note}` : "");
    };
    const controls = { Previous: () => go(at - 1), Next: () => go(at + 1), Close: () => dialog.close() };
    for (const [text, act] of Object.entries(controls)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", act);
      dialog.append(button);
    }
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") go(at - 1);
      if (event.key === "ArrowRight") go(at + 1);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => buttons[at].focus());
    document.body.append(dialog);
    buttons.forEach((button, k) => {
      button.addEventListener("click", () => {
        go(k);
        dialog.showModal();
      });
    });
  }

  // ---- What the theme leaves out for screen readers

  function nameControls() {
    for (const toggle of document.querySelectorAll("summary > .toctree-toggle")) {
      toggle.parentElement.setAttribute("aria-label", "Pages below");
    }
    // A list must hold items, and this one does not.
    for (const list of document.querySelectorAll(".citation-list")) list.removeAttribute("role");
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameControls();
    figures();
    pictures();
    for (const table of document.querySelectorAll("article table")) {
      if (table.tHead && table.tBodies.length === 1) sortable(table);
    }
    shadeEdges();
  });
})();
