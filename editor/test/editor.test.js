// The view: keys, input methods, toolbar.
import { TextSelection } from "prosemirror-state";
import { beforeEach, expect, test } from "vitest";
import { insertBlock, table } from "../src/commands.js";
import { toServer } from "../src/document.js";
import { mount } from "../src/editor.js";

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
