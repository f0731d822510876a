// The page around the editor: what is sent, and what is told.
import { beforeEach, expect, test, vi } from "vitest";

let asked;
let answers;
const answer = (body, status = 200) => ({ ok: status < 400, status, json: async () => body });

async function open() {
  document.body.innerHTML = `
    <div id="errors" role="alert" tabindex="-1" hidden></div>
    <form id="page-form"><input name="title" value="題"><textarea name="summary">概要</textarea>
    <textarea data-field="who">市民</textarea><input name="urgent" type="checkbox" checked><div id="editor"></div>
    <button id="save" type="button"></button><button id="publish" type="button"></button><p id="status" role="status"></p><span id="revision">3</span></form>
    <script type="application/json" id="page-data"></script>`;
  const data = { id: 12, kind: "procedure", number: 3, csrf: "word", document: { type: "doc", content: [] }, media: {}, pages: {} };
  document.getElementById("page-data").textContent = JSON.stringify(data);
  vi.resetModules();
  await import("../src/page.js");
}

const write = (text) => {
  const { view } = window.yaguraEditor;
  view.dispatch(view.state.tr.insertText(text));
};
const status = () => document.getElementById("status").textContent;

beforeEach(async () => {
  asked = [];
  answers = {};
  vi.stubGlobal("fetch", async (path, options) => {
    asked.push({ path, headers: options.headers, body: options.body && JSON.parse(options.body) });
    return answers[path]();
  });
  await open();
});

test("what is saved is the form, the text and the number it is based on", async () => {
  answers["/pages/12/draft"] = () => answer({ number: 4 });
  write("本文");
  expect(status()).toMatch(/保存していない/u);
  document.getElementById("save").click();
  await expect.poll(status).toBe("下書きを保存しました。");
  expect(asked[0].headers["x-csrf-token"]).toBe("word");
  const content = [{ type: "paragraph", content: [{ type: "text", text: "本文" }] }];
  expect(asked[0].body).toEqual({
    based_on: 3,
    urgent: true,
    draft: { title: "題", summary: "概要", document: { type: "doc", content }, fields: { kind: "procedure", who: "市民" } },
  });
  expect(document.getElementById("revision").textContent).toBe("4");
});

test("what is written while a save is under way is not taken for saved", async () => {
  let finish;
  answers["/pages/12/draft"] = () => new Promise((resolve) => { finish = resolve; });
  write("一");
  document.getElementById("save").click();
  await expect.poll(() => finish).toBeTruthy();
  write("二");
  finish(answer({ number: 4 }));
  await expect.poll(status).toBe("下書きを保存しました。 保存していない変更があります。");
});

test("a conflict is told, the text is kept, and the next save is based on the same number", async () => {
  answers["/pages/12/draft"] = () => answer({ errors: ["別の変更があります。"] }, 409);
  write("本文");
  document.getElementById("save").click();
  const errors = document.getElementById("errors");
  await expect.poll(() => errors.textContent).toBe("別の変更があります。");
  expect(document.activeElement).toBe(errors);
  expect(window.yaguraEditor.view.state.doc.textContent).toBe("本文");
  expect(document.getElementById("revision").textContent).toBe("3");
});

test("a session that has ended is told in words, even when the answer has none", async () => {
  answers["/pages/12/draft"] = () => answer(null, 401);
  write("本文");
  document.getElementById("save").click();
  await expect.poll(() => document.getElementById("errors").textContent).toMatch(/別のタブでサインイン/u);
});

test("a published page is followed to its readers, though a question on the way fails", async () => {
  const steps = [() => answer(null, 502), () => answer({ state: "under_way", done: 0, of: 1 }), () => answer({ state: "live", at: "2026-11-24T00:03:22+09:00" })];
  answers["/pages/12/draft"] = () => answer({ number: 4 });
  answers["/pages/12/publish"] = () => answer({ at: "2026-11-24T00:03:21+09:00" });
  answers["/pages/12/delivery"] = () => steps.shift()();
  document.getElementById("publish").click();
  await expect.poll(status).toMatch(/^公開しました。利用者に届きました（00時03分22秒、\d+\.\d\d秒後）。$/u);
  expect(document.getElementById("errors").hidden).toBe(true);
  expect(asked.find(({ path }) => path.endsWith("/publish")).body).toEqual({ number: 4 });
});
