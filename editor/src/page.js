// The page in which staff write: binds the form, saves, publishes, tells what became of it.
import "prosemirror-view/style/prosemirror.css";
import "prosemirror-tables/style/tables.css";
import "prosemirror-gapcursor/style/gapcursor.css";
import "./editor.css";
import { connect } from "./api.js";
import { collectFields, toServer } from "./document.js";
import { mount } from "./editor.js";

const FAST_MS = 50;
const SLOW_MS = 1000;
const FAST_FOR_MS = 10_000;
const PATIENCE_MS = 60_000;

export function start(root = document) {
  const data = JSON.parse(root.getElementById("page-data").textContent);
  const form = root.getElementById("page-form");
  const [save, publish, status, errors, revision] = ["save", "publish", "status", "errors", "revision"].map((id) => root.getElementById(id));
  const api = connect(data.csrf);
  const media = new Map(Object.entries(data.media));
  let number = data.number;
  let unsaved = false;
  let busy = false;

  const changed = () => {
    unsaved = true;
    status.textContent = "保存していない変更があります。";
  };
  const view = mount(root.getElementById("editor"), { json: data.document, media, api, changed });
  window.yaguraEditor = { view };

  const tell = (problem) => {
    errors.hidden = false;
    errors.replaceChildren(...(problem.errors ?? [problem.message]).map((text) => {
      const line = root.createElement("p");
      line.textContent = text;
      return line;
    }));
    errors.focus();
  };

  const draft = () => ({
    title: form.elements.title.value,
    summary: form.elements.summary.value,
    document: toServer(view.state.doc.toJSON()),
    fields: collectFields(data.kind, form),
  });

  async function keep() {
    const answer = await api.save(data.id, { based_on: number, urgent: form.elements.urgent.checked, draft: draft() });
    number = answer.number;
    revision.textContent = String(number);
    unsaved = false;
  }

  /** One action at a time; a second click while the first is under way does nothing. */
  async function doing(words, action) {
    if (busy) return;
    busy = true;
    errors.hidden = true;
    status.textContent = words;
    save.disabled = publish.disabled = true;
    try {
      await action();
    } catch (problem) {
      status.textContent = "";
      tell(problem);
    } finally {
      busy = false;
      save.disabled = publish.disabled = false;
    }
  }

  const onSave = () => doing("保存しています…", async () => {
    await keep();
    status.textContent = "下書きを保存しました。";
  });
  const onPublish = () => doing("公開しています…", async () => {
    const clicked = performance.now();
    await keep();
    await api.publish(data.id, number);
    await follow(clicked);
  });

  /** Asks until every edge has the change. */
  async function follow(clicked) {
    for (;;) {
      const delivery = await api.delivery(data.id);
      const waited = performance.now() - clicked;
      if (delivery.state === "live") {
        const seconds = (waited / 1000).toFixed(2);
        status.textContent = `公開しました。利用者に届きました（${clock(delivery.at)}、${seconds}秒後）。`;
        return;
      }
      if (delivery.state === "nothing") {
        status.textContent = "公開しました。";
        return;
      }
      status.textContent = `公開しました。配信中です（${delivery.of}台中${delivery.done}台）。`;
      if (waited > PATIENCE_MS) {
        status.textContent += " 時間がかかっています。届くまで自動で送り続けます。";
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, waited < FAST_FOR_MS ? FAST_MS : SLOW_MS));
    }
  }

  save.addEventListener("click", onSave);
  publish.addEventListener("click", onPublish);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (!view.dom.contains(event.target)) changed();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    // What is being composed is not text yet.
    if (!(event.isComposing || view.composing)) void onSave();
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  // What is seen in the preview is what is saved.
  root.getElementById("preview")?.addEventListener("click", (event) => {
    if (!unsaved) return;
    event.preventDefault();
    const { href } = event.currentTarget;
    const opened = window.open("", "_blank");
    void onSave().then(() => {
      if (opened) opened.location = href;
    });
  });
  return view;
}

/** 14時03分22秒 in Japan. */
function clock(instant) {
  const parts = new Intl.DateTimeFormat("ja-JP", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).formatToParts(new Date(instant));
  const part = (type) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("hour")}時${part("minute")}分${part("second")}秒`;
}

if (document.getElementById("page-data")) start();
