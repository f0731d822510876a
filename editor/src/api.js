// What the editor asks of the server. Every failure becomes a `Problem` with sentences for staff.

/** What is told when the answer was not the server's own (a proxy's page, say). */
const TOLD = {
  401: "サインインの有効時間が終わりました。入力した内容はこの画面に残っています。別のタブでサインインしてから、もう一度お試しください。",
  409: "ほかの人が別の変更を保存しています。入力した内容はこの画面に残っています。別のタブで最新の版を開き、見比べてください。",
  413: "ファイルが大きすぎます。小さくしてから、もう一度お試しください。",
};

export class Problem extends Error {
  constructor(status, errors) {
    super(errors.join("\n"));
    this.status = status;
    this.errors = errors;
  }
}

export function connect(csrf) {
  async function ask(path, options = {}) {
    let response;
    try {
      response = await fetch(path, { ...options, headers: { accept: "application/json", "x-csrf-token": csrf, ...options.headers } });
    } catch {
      throw new Problem(0, ["サーバーにつながりません。入力した内容はこの画面に残っています。通信を確かめて、もう一度お試しください。"]);
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok || !answer) {
      throw new Problem(response.status, answer?.errors ?? [TOLD[response.status] ?? `サーバーがエラーを返しました（${response.status}）。しばらくして、もう一度お試しください。`]);
    }
    return answer;
  }
  const post = (path, body) =>
    ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return {
    save: (id, body) => post(`/pages/${id}/draft`, body),
    publish: (id, number) => post(`/pages/${id}/publish`, { number }),
    delivery: (id) => ask(`/pages/${id}/delivery`),
    library: async (words, family) => (await ask(`/library?q=${encodeURIComponent(words)}&family=${encodeURIComponent(family)}`)).items,
    pages: async (words) => (await ask(`/page-search?q=${encodeURIComponent(words)}`)).items,
    upload(file, alt) {
      const form = new FormData();
      form.append("alt", alt);
      form.append("file", file);
      return ask("/library", { method: "POST", body: form });
    },
  };
}
