// The page in which staff write: binds the form, saves, publishes, tells what became of it.
import "prosemirror-view/style/prosemirror.css";
import "prosemirror-tables/style/tables.css";
import "prosemirror-gapcursor/style/gapcursor.css";
import "./editor.css";
import { connect } from "./api.js";
import { whenComposed } from "./commands.js";
import { collectFields, toServer } from "./document.js";
import { mount } from "./editor.js";

const UNSAVED = "保存していない変更があります。";
const FAST_MS = 50;
const SLOW_MS = 1000;
const FAST_FOR_MS = 10_000;
const PATIENCE_MS = 60_000;

function start(root = document) {
  const data = JSON.parse(root.getElementById("page-data").textContent);
  const form = root.getElementById("page-form");
  const [save, publish, status, errors, revision] = ["save", "publish", "status", "errors", "revision"].map((id) => root.getElementById(id));
  const api = connect(data.csrf);
  const media = new Map(Object.entries(data.media));
  let number = data.number;
  const pages = new Map(Object.entries(data.pages ?? {}));
  let unsaved = false;
  // Counts changes, so that what is written while a save is under way is not taken for saved.
  let changes = 0;
  // Counts what was begun, so that only the newest says how it goes.
  let begun = 0;
  let saveAgain = false;
  let busy = false;

  const changed = () => {
    changes += 1;
    if (unsaved) return;
    unsaved = true;
    if (!busy) status.textContent = UNSAVED;
  };
  const say = (words) => {
    const told = unsaved ? `${words} ${UNSAVED}`.trim() : words;
    // The same words are not read out anew.
    if (status.textContent !== told) status.textContent = told;
  };
  const view = mount(root.getElementById("editor"), { json: data.document, media, pages, api, changed });
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
    const before = changes;
    const answer = await api.save(data.id, { based_on: number, urgent: form.elements.urgent.checked, draft: draft() });
    number = answer.number;
    revision.textContent = String(number);
    unsaved = changes !== before;
  }

  /** One action at a time; a second one while the first is under way does nothing. Says whether it went well. */
  async function doing(words, action) {
    if (busy) return false;
    busy = true;
    begun += 1;
    errors.hidden = true;
    status.textContent = words;
    save.disabled = publish.disabled = true;
    try {
      await action();
      return true;
    } catch (problem) {
      say("");
      saveAgain = false;
      tell(problem);
      return false;
    } finally {
      busy = false;
      save.disabled = publish.disabled = false;
    }
  }

  const onSave = () => doing("保存しています…", async () => {
    await keep();
    say("下書きを保存しました。");
  });
  /** A save that is asked for while something is under way comes after it. */
  const saveNow = async () => {
    if (busy) {
      saveAgain = true;
      return;
    }
    await onSave();
    if (saveAgain) {
      saveAgain = false;
      if (unsaved) await saveNow();
    }
  };
  const onPublish = () => doing("公開しています…", async () => {
    const clicked = performance.now();
    await keep();
    await api.publish(data.id, number);
    say("公開しました。");
    // Writing and saving go on while the edges fetch the page.
    void follow(clicked, begun);
  });

  /** Asks until every edge has the change. */
  async function follow(clicked, own) {
    for (;;) {
      // The page is published, whatever becomes of a question how far it came: it is asked again.
      const delivery = await api.delivery(data.id).catch(() => null);
      if (own !== begun) return;
      const waited = performance.now() - clicked;
      if (delivery?.state === "live") {
        const seconds = (waited / 1000).toFixed(2);
        say(`公開しました。利用者に届きました（${clock(delivery.at)}、${seconds}秒後）。`);
        return;
      }
      if (delivery?.state === "nothing") {
        say("公開しました。");
        return;
      }
      const far = delivery ? `配信中です（${delivery.of}台中${delivery.done}台）。` : "届いたかどうかを確かめています。";
      if (waited > PATIENCE_MS) {
        say(`公開しました。${far} 時間がかかっています。届くまで自動で送り続けます。`);
        return;
      }
      say(`公開しました。${far}`);
      await new Promise((resolve) => setTimeout(resolve, waited < FAST_FOR_MS ? FAST_MS : SLOW_MS));
    }
  }

  save.addEventListener("click", () => whenComposed(view, saveNow));
  publish.addEventListener("click", () => whenComposed(view, onPublish));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (!view.dom.contains(event.target)) changed();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    // What is being composed is not text yet; a question that is open has its own answer.
    if (!event.repeat && !document.querySelector("dialog[open]")) whenComposed(view, saveNow, event);
  });
  window.addEventListener("beforeunload", (event) => {
    if (!unsaved) return;
    event.preventDefault();
    // Older browsers ask for this only.
    event.returnValue = true;
  });
  // What is seen in the preview is what is saved.
  root.getElementById("preview")?.addEventListener("click", (event) => {
    if (!unsaved) return;
    event.preventDefault();
    const { href } = event.currentTarget;
    const opened = window.open("", "_blank");
    void onSave().then((saved) => {
      if (!saved) opened?.close();
      else if (opened) opened.location = href;
    });
  });
  return view;
}

/** 14時03分22秒 in Japan. */
function clock(instant) {
  const parts = new Intl.DateTimeFormat("ja-JP", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).formatToParts(new Date(instant));
  const part = (type) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("hour")}時${part("minute")}分${part("second")}秒`;
}

if (document.getElementById("page-data")) start();
