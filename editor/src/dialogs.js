// Questions in native dialogs: what Escape and focus do there is the browser's own, tested work.
import { element } from "./nodeviews.js";
import { composes } from "./commands.js";
import { allowed, plainHref } from "./schema.js";

let number = 0;

/**
 * Asks with a form; gives what `answer` makes of it, or nothing when it was left. `more` are further
 * buttons, each with what it gives.
 */
function ask(title, parts, answer, submit = "入れる", more = []) {
  const dialog = element("dialog", "yagura-dialog");
  const heading = element("h2", "", title);
  heading.id = `dialog-${++number}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const form = element("form");
  form.method = "dialog";
  form.noValidate = true;
  const problem = element("p", "dialog-problem");
  problem.setAttribute("role", "alert");
  const actions = element("div", "dialog-actions");
  const cancel = element("button", "", "やめる");
  cancel.type = "button";
  const ok = element("button", "primary", submit);
  ok.type = "submit";
  actions.append(ok, cancel);
  guardComposition(form);
  form.append(heading, ...parts, problem, actions);
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let given;
    cancel.addEventListener("click", () => dialog.close());
    for (const { label, gives } of more) {
      const button = element("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => {
        given = gives;
        dialog.close();
      });
      actions.append(button);
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      ok.disabled = true;
      try {
        given = await answer();
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        error.input?.focus();
      } finally {
        ok.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    });
    dialog.showModal();
  });
}

/** Enter that ends a composition answers no question. */
export function guardComposition(form) {
  let composed = false;
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.keyCode !== 229) return;
    composed = composes({ composing: false }, event);
    // The browser submits while the key is handled, not later.
    setTimeout(() => {
      composed = false;
    });
  }, true);
  form.addEventListener("submit", (event) => {
    if (!composed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

function field(label, input, hint = "") {
  const frame = element("p", "field");
  const name = element("label", "", label);
  input.id = `dialog-field-${++number}`;
  name.htmlFor = input.id;
  frame.append(name);
  if (hint) {
    const told = element("span", "hint", hint);
    told.id = `${input.id}-hint`;
    input.setAttribute("aria-describedby", told.id);
    frame.append(told);
  }
  frame.append(input);
  return frame;
}

function text(value = "", type = "text") {
  const input = element("input");
  input.type = type;
  input.value = value;
  return input;
}

function checkbox(label, checked) {
  const frame = element("p", "check");
  const input = element("input");
  input.type = "checkbox";
  input.checked = checked;
  input.id = `dialog-field-${++number}`;
  const name = element("label", "", label);
  name.htmlFor = input.id;
  frame.append(input, name);
  return { frame, input };
}

/** Refuses an answer; the cursor goes to where it is wrong. */
const need = (condition, message, input = null) => {
  if (!condition) throw Object.assign(new Error(message), { input });
};

/** A list that is searched while typing; `label` gives an item's words. */
function chooser(legend, search, label, chosen) {
  const frame = element("fieldset", "chooser");
  const words = text("", "search");
  const results = element("div", "choices");
  const status = element("p", "hint");
  status.setAttribute("role", "status");
  const name = `choice-${++number}`;
  let items = [];
  let asked = 0;
  const show = async () => {
    const own = ++asked;
    const found = await search(words.value).catch((error) => {
      status.textContent = error.message;
      return [];
    });
    if (own !== asked) return;
    items = found;
    status.textContent = found.length ? `${found.length}件` : "見つかりません。言葉を変えてお試しください。";
    results.replaceChildren(...found.map((item, index) => {
      const option = element("label", "choice");
      const input = element("input");
      input.type = "radio";
      input.name = name;
      input.value = String(index);
      input.addEventListener("change", () => chosen?.(item));
      option.append(input, ...label(item));
      return option;
    }));
  };
  let wait;
  const soon = () => {
    clearTimeout(wait);
    wait = setTimeout(show, 200);
  };
  words.addEventListener("input", (event) => {
    if (!event.isComposing) soon();
  });
  words.addEventListener("compositionend", soon);
  // Enter looks for the words at once, and does not end the dialog.
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || composes({ composing: false }, event)) return;
    event.preventDefault();
    clearTimeout(wait);
    void show();
  });
  frame.append(element("legend", "", legend), field("言葉で探す", words), status, results);
  void show();
  return { frame, value: () => items[Number(frame.querySelector(`input[name="${name}"]:checked`)?.value ?? -1)] };
}

function thumbnail(item) {
  if (!item.content_type.startsWith("image/")) return [element("span", "", item.alt || item.file_name)];
  const img = element("img");
  img.src = item.url;
  img.alt = "";
  return [img, element("span", "", item.alt || item.file_name)];
}

/** An item of the library, chosen or uploaded. */
function libraryChooser(api, images, chosen) {
  const search = (words) => api.library(words, images ? "image/" : "application/");
  const list = chooser(images ? "画像" : "ファイル", search, thumbnail, chosen);
  const file = element("input");
  file.type = "file";
  file.accept = images ? "image/png,image/jpeg,image/webp" : "application/pdf";
  list.frame.append(field("または、このコンピューターから選ぶ", file, images ? "PNG、JPEG、WebP" : "PDF"));
  const item = async (alt) => {
    if (file.files[0]) return api.upload(file.files[0], alt);
    need(list.value(), "一覧から選ぶか、ファイルを指定してください。");
    return list.value();
  };
  return { frame: list.frame, item };
}

/** A picture with its alternative text. */
export function askImage(api) {
  const alt = text();
  const caption = text();
  const decorative = checkbox("装飾の画像（読み上げなくてよい）", false);
  const library = libraryChooser(api, true, (item) => {
    alt.value = item.alt;
  });
  const parts = [library.frame, field("代替テキスト", alt, "画像が見えない人に伝える内容"), decorative.frame, field("画像の下の説明（なくてもよい）", caption)];
  return ask("画像を入れる", parts, async () => {
    const words = alt.value.trim();
    need(words || decorative.input.checked, "代替テキストを書くか、装飾の画像であることを示してください。", alt);
    const item = await library.item(words);
    const attrs = { media: item.id, alt: decorative.input.checked ? "" : words, decorative: decorative.input.checked, caption: caption.value.trim() };
    return { item, attrs };
  });
}

/** A file with the words of its link. */
export function askAttachment(api) {
  const label = text();
  const library = libraryChooser(api, false, (item) => {
    label.value = item.alt;
  });
  return ask("添付ファイルを入れる", [library.frame, field("リンクの文字", label, "種類と大きさは自動で付きます")], async () => {
    const words = label.value.trim();
    need(words, "リンクの文字を書いてください。", label);
    const item = await library.item(words);
    return { item, attrs: { media: item.id, label: words } };
  });
}

/** Another alternative text and caption for a picture that is in the text. */
export function askImageAgain(attrs) {
  const alt = text(attrs.alt);
  const caption = text(attrs.caption);
  const decorative = checkbox("装飾の画像（読み上げなくてよい）", attrs.decorative);
  const parts = [field("代替テキスト", alt, "画像が見えない人に伝える内容"), decorative.frame, field("画像の下の説明（なくてもよい）", caption)];
  return ask("画像の設定", parts, async () => {
    const words = alt.value.trim();
    need(words || decorative.input.checked, "代替テキストを書くか、装飾の画像であることを示してください。", alt);
    return { ...attrs, alt: decorative.input.checked ? "" : words, decorative: decorative.input.checked, caption: caption.value.trim() };
  }, "決める");
}

/** Other words for the link of a file that is in the text. */
export function askAttachmentAgain(attrs) {
  const label = text(attrs.label);
  return ask("添付ファイルの設定", [field("リンクの文字", label, "種類と大きさは自動で付きます")], async () => {
    need(label.value.trim(), "リンクの文字を書いてください。", label);
    return { ...attrs, label: label.value.trim() };
  }, "決める");
}

/**
 * Where a link leads: an own page, or a URL; with the page's title, when it was chosen. `present` is
 * where it leads now, `told` how staff call that.
 */
export function askLink(api, present = "", told = present) {
  const url = text(present.startsWith("page:") ? "" : present);
  const words = (item) => [element("span", "", `${item.title} `), element("span", "hint", item.path)];
  const list = chooser("このサイトのページ", api.pages, words);
  const now = present ? [element("p", "hint", `今のリンク先: ${told}`)] : [];
  const parts = [...now, list.frame, field("または、アドレス", url, "https://、mailto:、tel: で始まるもの")];
  return ask("リンク", parts, async () => {
    const page = list.value();
    const written = plainHref(url.value);
    // A page that was chosen now counts more than the address that was there before.
    if (page && (!written || written === present)) return { href: `page:${page.id}`, title: page.title };
    const href = written || (present.startsWith("page:") ? present : "");
    need(href && allowed(href), "ページを選ぶか、https:// などで始まるアドレスを書いてください。", url);
    return { href };
  }, "決める", present ? [{ label: "リンクを外す", gives: { href: null } }] : []);
}

/** A new table. */
export function askTable() {
  const caption = text();
  const rows = text("3", "number");
  const columns = text("3", "number");
  for (const input of [rows, columns]) Object.assign(input, { min: "1", max: "20" });
  const parts = [field("表の題名", caption, "何の表か"), field("行の数（見出しを除く）", rows), field("列の数", columns)];
  return ask("表を入れる", parts, async () => {
    const count = (input) => Math.min(Math.max(Number.parseInt(input.value, 10) || 1, 1), 20);
    need(caption.value.trim(), "表の題名を書いてください。", caption);
    return { caption: caption.value.trim(), rows: count(rows), columns: count(columns) };
  });
}

/** Another caption for a table. */
export function askCaption(present) {
  const caption = text(present);
  return ask("表の題名", [field("表の題名", caption)], async () => {
    need(caption.value.trim(), "表の題名を書いてください。", caption);
    return caption.value.trim();
  }, "決める");
}

/** A reading for characters. */
export function askRuby(base) {
  const characters = text(base);
  const reading = text();
  return ask("ふりがな", [field("文字", characters), field("読み", reading)], async () => {
    need(characters.value.trim() && reading.value.trim(), "文字と読みを書いてください。", characters.value.trim() ? reading : characters);
    return { base: characters.value.trim(), reading: reading.value.trim() };
  });
}

const KEYS_TOLD = [
  ["Ctrl+S", "下書きを保存"],
  ["Ctrl+B／Ctrl+I", "太字／強調"],
  ["Ctrl+K", "リンク"],
  ["Ctrl+Z／Ctrl+Y", "元に戻す／やり直す"],
  ["Shift+Enter", "段落の中で改行"],
  ["Ctrl+Enter", "表や囲みの後ろに新しい段落"],
  ["Tab／Shift+Tab", "箇条書きを一段下げる／上げる、表の次の／前のセルへ"],
  ["Alt+F10", "ボタンの列へ。左右の矢印で選び、Escで本文に戻る"],
  ["行の初めに「## 」", "見出し2（「### 」は見出し3、「#### 」は見出し4）"],
  ["行の初めに「- 」「1. 」", "箇条書き、番号付き"],
];

/** What can be done with keys. */
export function tellKeys() {
  const keys = element("dl", "keys");
  for (const [key, does] of KEYS_TOLD) keys.append(element("dt", "", key), element("dd", "", does));
  return ask("キーボードでの使い方", [keys], async () => true, "閉じる");
}
