// The schema and what goes to the server.
import { DOMParser } from "prosemirror-model";
import { describe, expect, test } from "vitest";
import { collectFields, fromServer, toServer } from "../src/document.js";
import { allowed, schema } from "../src/schema.js";
import everyKind from "./every-kind.json";

describe("documents", () => {
  test("one of every kind comes back as it was", () => {
    const doc = schema.nodeFromJSON(fromServer(everyKind));
    doc.check();
    expect(toServer(doc.toJSON())).toEqual(everyKind);
    const used = new Set();
    doc.descendants((node) => {
      used.add(node.type.name);
      node.marks.forEach((mark) => used.add(mark.type.name));
    });
    const all = [...Object.keys(schema.nodes), ...Object.keys(schema.marks)].filter((name) => name !== "doc");
    expect([...used].sort()).toEqual(all.sort());
  });

  test("an empty document can be written into and is saved as one", () => {
    const doc = schema.nodeFromJSON(fromServer({ type: "doc", content: [] }));
    expect(toServer(doc.toJSON())).toEqual({ type: "doc", content: [{ type: "paragraph", content: [] }] });
  });

  test("links lead where the server lets them", () => {
    for (const href of ["page:3", "/a.html", "https://a.example/", "mailto:a@b.example", "tel:000-0000"]) expect(allowed(href), href).toBe(true);
    for (const href of ["javascript:alert(1)", "//evil.example", "a.html", "page:x", "/\\evil", "data:text/html,x", ""]) expect(allowed(href), href).toBe(false);
  });
});

describe("what is pasted", () => {
  const pasted = (html) => {
    const dom = document.createElement("div");
    dom.innerHTML = html;
    return toServer(DOMParser.fromSchema(schema).parse(dom).toJSON()).content;
  };

  test("loses its looks and keeps its meaning", () => {
    const [heading, paragraph] = pasted('<h1 style="color:red">題</h1><p class="MsoNormal"><span style="font-size:40px">あ<b>い</b></span></p>');
    expect(heading).toEqual({ type: "heading", attrs: { level: 2 }, content: [{ type: "text", text: "題" }] });
    expect(paragraph.content).toEqual([{ type: "text", text: "あ" }, { type: "text", text: "い", marks: [{ type: "strong" }] }]);
  });

  test("brings no pictures and no code", () => {
    const json = JSON.stringify(pasted('<p>あ<img src="https://a.example/x.png"><a href="javascript:alert(1)">い</a></p><script>x</script>'));
    expect(json).not.toMatch(/img|image|javascript|script/u);
    expect(json).toMatch(/い/u);
  });

  test("keeps readings", () => {
    const [paragraph] = pasted("<p><ruby>櫓<rp>(</rp><rt>やぐら</rt><rp>)</rp></ruby></p>");
    expect(paragraph.content).toEqual([{ type: "ruby", attrs: { base: "櫓", reading: "やぐら" } }]);
  });
});

test("every field of the form is collected", () => {
  document.body.innerHTML = '<form><input data-field="who" value="市民"><textarea data-field="fee">300円</textarea></form>';
  expect(collectFields("procedure", document.querySelector("form"))).toEqual({ kind: "procedure", who: "市民", fee: "300円" });
});
