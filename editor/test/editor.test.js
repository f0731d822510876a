// The view: keys, input methods, toolbar.
import { TextSelection } from "prosemirror-state";
import { beforeEach, expect, test } from "vitest";
import { insertBlock, linkAround, table, whenComposed } from "../src/commands.js";
import { toServer } from "../src/document.js";
import { mount } from "../src/editor.js";
import { schema } from "../src/schema.js";

// jsdom has no layout, which ProseMirror asks for before it scrolls.
Object.assign(Range.prototype, { getClientRects: () => [], getBoundingClientRect: () => new DOMRect() });

let view;

beforeEach(() => {
  document.body.innerHTML = '<p id="label">本文</p><div id="editor" data-label-id="label"></div>';
  const json = { type: "doc", content: [{ type: "paragraph", content: [{ type: "text", text: "にほん" }] }] };
  view = mount(document.getElementById("editor"), { json, media: new Map(), api: {} });
  view.dispatch(view.state.tr.setSelection(TextSelection.atEnd(view.state.doc)));
});

const press = (options) => {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...options });
  return view.someProp("handleKeyDown", (handle) => handle(view, event));
};

test("Enter splits a paragraph", () => {
  press({ key: "Enter", keyCode: 13 });
  expect(view.state.doc.childCount).toBe(2);
});

test("Enter that ends a composition splits nothing", () => {
  expect(press({ key: "Enter", keyCode: 229 })).toBeFalsy();
  expect(press({ key: "Enter", keyCode: 13, isComposing: true })).toBeFalsy();
  expect(view.state.doc.childCount).toBe(1);
  expect(view.state.doc.textContent).toBe("にほん");
});

test("the toolbar is one stop, and arrows move inside it", () => {
  const bar = document.querySelector("[role=toolbar]");
  const shown = [...bar.querySelectorAll("button:not([hidden])")];
  expect(shown.filter((button) => button.tabIndex === 0)).toEqual([shown[0]]);
  shown[0].focus();
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  expect(document.activeElement).toBe(shown[1]);
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  expect(document.activeElement).toBe(shown.at(-1));
});

test("a button changes the block and says so", () => {
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "見出し2");
  button.click();
  expect(view.state.doc.firstChild.type.name).toBe("heading");
  expect(button.getAttribute("aria-pressed")).toBe("true");
});

test("a table is made with headings and saved without the editor's attributes", () => {
  const made = toServer(table({ caption: "手数料", rows: 2, columns: 3 }).toJSON());
  expect(made.attrs).toEqual({ caption: "手数料" });
  expect(made.content).toHaveLength(3);
  expect(made.content[0].content.every((cell) => cell.type === "table_header")).toBe(true);
  expect(JSON.stringify(made)).not.toContain("colspan");
});

test("a new table has the cursor in its first cell", () => {
  insertBlock(view, table({ caption: "手数料", rows: 1, columns: 2 }));
  view.dispatch(view.state.tr.insertText("種類"));
  const found = [];
  view.state.doc.descendants((node) => {
    if (node.type.name === "table_header") found.push(node.textContent);
  });
  expect(found).toEqual(["種類", ""]);
});

const labelled = (label) => [...document.querySelectorAll("[role=toolbar] button")].find((one) => one.textContent === label);
const saved = () => toServer(view.state.doc.toJSON()).content;

test("a list and a callout are taken away by the button that made them", () => {
  const before = saved();
  for (const label of ["箇条書き", "番号付き", "お知らせ枠", "注意枠"]) {
    labelled(label).click();
    expect(labelled(label).getAttribute("aria-pressed"), label).toBe("true");
    labelled(label).click();
    expect(saved(), label).toEqual(before);
  }
});

test("a list becomes one of the other kind, a callout one of the other tone", () => {
  labelled("箇条書き").click();
  labelled("番号付き").click();
  expect(saved().map((block) => block.type)).toEqual(["ordered_list"]);
  labelled("番号付き").click();
  labelled("お知らせ枠").click();
  labelled("注意枠").click();
  expect(saved()[0].attrs).toEqual({ tone: "warning" });
});

test("a block goes after what is selected, and takes the place of an empty paragraph only", () => {
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, 1, 4)));
  insertBlock(view, schema.nodes.image.create({ media: "m", alt: "絵" }));
  expect(saved().map((block) => block.type)).toEqual(["paragraph", "image"]);
  expect(view.state.doc.textContent).toBe("にほん");
  // A letter that is typed now must not replace the picture.
  expect(view.state.selection.node).toBeUndefined();
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, 4)));
  press({ key: "Enter", keyCode: 13 });
  insertBlock(view, schema.nodes.attachment.create({ media: "m", label: "紙" }));
  expect(saved().map((block) => block.type)).toEqual(["paragraph", "attachment", "image"]);
});

test("a block that is put into a list or a cell leaves it whole", () => {
  labelled("箇条書き").click();
  insertBlock(view, schema.nodes.image.create({ media: "m", alt: "絵" }));
  view.state.doc.check();
  expect(saved()[0].content[0].content.map((block) => block.type)).toEqual(["paragraph", "image"]);
});

test("Shift+Enter breaks the line, Ctrl+Enter leaves the block", () => {
  press({ key: "Enter", keyCode: 13, shiftKey: true });
  expect(saved()[0].content.at(-1).type).toBe("hard_break");
  labelled("お知らせ枠").click();
  press({ key: "Enter", keyCode: 13, ctrlKey: true });
  expect(saved().map((block) => block.type)).toEqual(["callout", "paragraph"]);
});

test("the link at the cursor is found from its first to its last letter", () => {
  const link = (href) => schema.marks.link.create({ href });
  view.dispatch(view.state.tr.addMark(1, 3, link("/a")).addMark(3, 4, link("/b")));
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, 2)));
  expect(linkAround(view.state)).toEqual({ from: 1, to: 3, href: "/a" });
});

test("what waits for a composition comes after it", async () => {
  let acted = 0;
  whenComposed(view, () => { acted += 1; }, { isComposing: true });
  expect(acted).toBe(0);
  view.dom.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true }));
  await expect.poll(() => acted).toBe(1);
});
