// The schema and what goes to the server.
import { DOMParser, DOMSerializer } from "prosemirror-model";
import { describe, expect, test } from "vitest";
import { collectFields, fromServer, toServer } from "../src/document.js";
import { cleaned } from "../src/paste.js";
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

describe("between the server and the editor", () => {
  test("what is empty there can be written into here", () => {
    const json = {
      type: "doc",
      content: [
        { type: "callout", attrs: { tone: "info" }, content: [] },
        { type: "bullet_list", content: [{ type: "list_item", content: [] }] },
        { type: "table", attrs: { caption: "表" }, content: [{ type: "table_row", content: [{ type: "table_cell", content: [] }] }] },
        { type: "table", attrs: { caption: "" }, content: [] },
      ],
    };
    schema.nodeFromJSON(fromServer(json)).check();
  });

  test("all that the server lets into lists, cells and callouts fits here", () => {
    const list = { type: "bullet_list", content: [{ type: "list_item", content: [{ type: "paragraph", content: [] }] }] };
    const image = { type: "image", attrs: { media: "m", alt: "絵", decorative: false, caption: "" } };
    const callout = { type: "callout", attrs: { tone: "info" }, content: [image, list] };
    const row = { type: "table_row", content: [{ type: "table_header", content: [list, image] }] };
    const json = { type: "doc", content: [callout, { type: "table", attrs: { caption: "表" }, content: [row] }] };
    const doc = schema.nodeFromJSON(fromServer(json));
    doc.check();
    expect(toServer(doc.toJSON())).toEqual(json);
  });

  test("only text has marks", () => {
    const strong = [{ type: "strong" }];
    const content = [{ type: "hard_break", marks: strong }, { type: "ruby", attrs: { base: "櫓", reading: "やぐら" }, marks: strong }];
    expect(JSON.stringify(toServer({ type: "paragraph", content }))).not.toContain("marks");
  });

  test("attributes outside the schema are found", () => {
    for (const block of [{ type: "heading", attrs: { level: 1 } }, { type: "callout", attrs: { tone: "loud" }, content: [{ type: "paragraph" }] }]) {
      expect(() => schema.nodeFromJSON({ type: "doc", content: [block] }).check()).toThrow();
    }
  });

  test("what is cut out here is pasted whole", () => {
    const doc = schema.nodeFromJSON(fromServer(everyKind));
    const dom = document.createElement("div");
    dom.append(DOMSerializer.fromSchema(schema).serializeFragment(doc.content));
    expect(toServer(DOMParser.fromSchema(schema).parse(dom).toJSON())).toEqual(everyKind);
  });
});

describe("what other programs put on the clipboard", () => {
  const pasted = (html) => {
    const dom = document.createElement("div");
    dom.innerHTML = cleaned(html);
    const doc = DOMParser.fromSchema(schema).parse(dom);
    doc.check();
    return toServer(doc.toJSON()).content;
  };

  test("a table gets headings and keeps its caption", () => {
    const [table, ...others] = pasted("<table><caption>料金</caption><tbody><tr><td>種類</td><td>額</td></tr><tr><td><h3>大人</h3></td><td>1</td></tr></tbody></table>");
    expect(others).toEqual([]);
    expect(table.attrs.caption).toBe("料金");
    expect(table.content.map((row) => row.content.map((cell) => cell.type))).toEqual([
      ["table_header", "table_header"],
      ["table_cell", "table_cell"],
    ]);
    expect(table.content[1].content[0].content[0].type).toBe("paragraph");
  });

  test("pictures, looks and foreign identifiers go", () => {
    const html = cleaned('<figure data-media="x"><img src="x.png"></figure><p style="color:red" data-media="y">あ</p><style>p{}</style>');
    expect(html).not.toMatch(/img|style|data-media/u);
    expect(JSON.stringify(pasted('<figure data-media="x"><img src="x.png"></figure><p>あ</p>'))).not.toMatch(/image/u);
  });

  test("addresses are written as the server takes them", () => {
    const [paragraph] = pasted('<p><a href="HTTPS://a.example/">い</a></p>');
    expect(paragraph.content[0].marks).toEqual([{ type: "link", attrs: { href: "https://a.example/" } }]);
  });
});
