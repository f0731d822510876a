// Questions in native dialogs: what Escape and focus do there is the browser's own, tested work.
import { element } from "./nodeviews.js";
import { allowed } from "./schema.js";

let number = 0;

/** Asks with a form; gives what `answer` makes of it, or nothing when it was left. */
function ask(title, parts, answer, submit = "入れる") {
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
  form.append(heading, ...parts, problem, actions);
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let given;
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      ok.disabled = true;
      try {
        given = await answer();
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
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

const need = (condition, message) => {
  if (!condition) throw new Error(message);
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
  words.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(show, 200);
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
    need(words || decorative.input.checked, "代替テキストを書くか、装飾の画像であることを示してください。");
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
    need(words, "リンクの文字を書いてください。");
    const item = await library.item(words);
    return { item, attrs: { media: item.id, label: words } };
  });
}

/** Where a link leads: an own page, or a URL. */
export function askLink(api, href = "") {
  const url = text(href.startsWith("page:") ? "" : href);
  const words = (item) => [element("span", "", `${item.title} `), element("span", "hint", item.path)];
  const list = chooser("このサイトのページ", api.pages, words);
  return ask("リンク", [list.frame, field("または、アドレス", url, "https://、mailto:、tel: で始まるもの")], async () => {
    const chosen = url.value.trim() || (list.value() ? `page:${list.value().id}` : href);
    need(chosen && allowed(chosen), "ページを選ぶか、https:// などで始まるアドレスを書いてください。");
    return chosen;
  }, "決める");
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
    need(caption.value.trim(), "表の題名を書いてください。");
    return { caption: caption.value.trim(), rows: count(rows), columns: count(columns) };
  });
}

/** Another caption for a table. */
export function askCaption(present) {
  const caption = text(present);
  return ask("表の題名", [field("表の題名", caption)], async () => {
    need(caption.value.trim(), "表の題名を書いてください。");
    return caption.value.trim();
  }, "決める");
}

/** A reading for characters. */
export function askRuby(base) {
  const characters = text(base);
  const reading = text();
  return ask("ふりがな", [field("文字", characters), field("読み", reading)], async () => {
    need(characters.value.trim() && reading.value.trim(), "文字と読みを書いてください。");
    return { base: characters.value.trim(), reading: reading.value.trim() };
  });
}
