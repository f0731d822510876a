// How pictures, attachments and tables look while they are edited.

/** `media` and `pages` say what the identifiers in the document stand for. */
export function nodeViews(media, pages) {
  return {
    // Leads nowhere while it is written; a click puts the cursor there.
    link: (mark) => {
      const link = element("a");
      link.dataset.href = mark.attrs.href;
      link.title = destination(mark.attrs.href, pages);
      return { dom: link };
    },
    image: (node) => {
      const figure = element("figure", "picture");
      const item = media.get(node.attrs.media);
      if (item) {
        const img = element("img");
        img.src = item.url;
        img.alt = node.attrs.decorative ? "" : node.attrs.alt;
        figure.append(img);
      }
      const words = node.attrs.decorative ? "装飾（代替テキストなし）" : `代替テキスト: ${node.attrs.alt}`;
      figure.append(element("figcaption", "", [words, node.attrs.caption].filter(Boolean).join(" ／ ")));
      return { dom: figure };
    },
    attachment: (node) => {
      const name = media.get(node.attrs.media)?.file_name ?? "";
      return { dom: element("p", "attachment", `📎 ${node.attrs.label}${name ? `（${name}）` : ""}`) };
    },
    table: (node) => {
      const table = element("table");
      const caption = table.createCaption();
      caption.contentEditable = "false";
      caption.textContent = node.attrs.caption || "（表の題名がありません）";
      const body = table.createTBody();
      return {
        dom: table,
        contentDOM: body,
        ignoreMutation: (change) => caption.contains(change.target),
        update(next) {
          if (next.type !== node.type) return false;
          caption.textContent = next.attrs.caption || "（表の題名がありません）";
          return true;
        },
      };
    },
  };
}

/** Where a link leads, as staff call it. */
export function destination(href, pages) {
  return (href.startsWith("page:") && pages.get(href.slice("page:".length))) || href;
}

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
